// Names for generated code: /tmp/perf-PID.map, which runtimes write for profilers (node
// --perf-basic-prof, Java agents, CPython 3.12, .NET; the kernel's
// tools/perf/Documentation/jit-interface.txt).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/fd.h"

namespace cw {

class PerfMap {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{32} << 20;  // read at once, from the end
  static constexpr std::size_t kMaxFunctions = std::size_t{1} << 18;
  static constexpr std::size_t kMaxName = 1024;

  struct Function {
    std::string_view name;     // valid until the next add()
    std::uint64_t offset = 0;  // of the address, from the function's start
  };
  [[nodiscard]] std::optional<Function> at(std::uint64_t address) const;

  // Reads what was added to the file since, or all of it when it is another one by now. `process`:
  // see open_process(); the file is looked for where that process sees it, under the number it
  // has there, and must be its user's or root's.
  void refresh(int process, std::int32_t pid);
  // Lines of "START SIZE NAME", numbers in base 16. Where code overlaps, the later line is right:
  // the earlier code was dropped. Says how many bytes made whole lines; the rest is for next time.
  std::size_t add(std::string_view lines);

  [[nodiscard]] std::size_t size() const { return functions_.size(); }

 private:
  struct Code {
    std::uint64_t end = 0;
    std::uint64_t function_start = 0;  // before its own start, where a later line cut it
    std::string name;
  };
  void add_function(std::uint64_t start, std::uint64_t end, std::string_view name);
  void clear();

  std::map<std::uint64_t, Code> functions_;  // by start; do not overlap
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::uint64_t read_ = 0;  // bytes of the file
};

// "JS:*lookup /srv/orders.js:12:7" is "JS:*lookup" of that file and line.
struct ScriptPlace {
  std::string_view function;
  std::string_view file;  // empty: the name tells none
  std::uint32_t line = 0;
};
ScriptPlace script_place(std::string_view name);

}  // namespace cw
