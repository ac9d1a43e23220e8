// The address space of a process: /proc/PID/maps (proc_pid_maps(5)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cw {

struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;     // first byte behind it
  std::uint64_t offset = 0;  // in the file, bytes
  std::uint64_t inode = 0;   // 0: no file
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  bool deleted = false;  // the file's name is gone; taken off `path`
  bool past = false;     // unmapped since: kept to name addresses taken before
  std::string path;      // of the file as the process sees it, or "[heap]"...; a newline is "\012"

  [[nodiscard]] bool of_file() const { return inode != 0; }
  [[nodiscard]] bool same_file(const Mapping& other) const;
};

inline std::string_view file_name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

class MemoryMap {
 public:
  static constexpr std::size_t kMaxMappings = 1 << 18;
  static constexpr std::size_t kMaxText = std::size_t{64} << 20;
  static constexpr std::size_t kMaxPast = 1024;

  // Lines that are not understood are left out; sorted whatever the order they come in.
  static MemoryMap parse(std::string_view text);
  // `process`: see open_process(). Empty when the process has ended or hides its maps.
  static MemoryMap read(int process);

  // The mapping that holds `address`; null when there is none. Stays valid until the map changes.
  [[nodiscard]] const Mapping* find(std::uint64_t address) const;
  // What lies before `mapping`, which must be of this map; null at the start.
  [[nodiscard]] const Mapping* before(const Mapping& mapping) const;
  [[nodiscard]] const std::vector<Mapping>& mappings() const { return mappings_; }
  [[nodiscard]] bool empty() const { return mappings_.empty(); }
  // How many map code from files now: changes when a library is loaded or let go.
  [[nodiscard]] std::size_t code_mappings() const;

  // Takes over code mapped from files in `earlier` where nothing else is mapped by now, as `past`.
  void keep_past(const MemoryMap& earlier);

 private:
  std::vector<Mapping> mappings_;  // by start; do not overlap
};

}  // namespace cw
