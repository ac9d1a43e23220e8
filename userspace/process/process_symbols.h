// Names for the addresses of one program run by one process ("image": exec makes a new one).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/fd.h"
#include "model/report.h"
#include "model/symbolizer.h"
#include "model/unwind.h"
#include "process/elf_cache.h"
#include "process/hotspot_code.h"
#include "process/maps.h"
#include "process/perf_map.h"

namespace cw {

// How much is asked of a stack. Lines and inlined frames take a while where DWARF is large, so they
// are for what is shown.
enum class Detail { kFunctions, kLines };

class ProcessSymbols {
 public:
  // At least this long between two reloads for the sake of an address that was not found.
  static constexpr std::chrono::milliseconds kReloadPause{200};

  // Reads the maps and opens the code's files, so that names survive the process. `cache` is
  // shared by all processes and must outlive this.
  ProcessSymbols(std::int32_t pid, ElfCache& cache);

  // Looks at the maps again: once an interval while the process lives. False when it has ended or
  // runs another program by now; what was read before stays, and refresh() does nothing any more.
  bool refresh();
  // The same from now on, when the caller knows first (an exit or exec event).
  void freeze() { frozen_ = true; }

  // `is_return_address`: the code at address - 1 is meant, because a call is the last instruction
  // of a function that does not return. Offsets are the address's own all the same.
  Frame frame_at(std::uint64_t address, bool is_return_address);

  // What lies outside of code ends the stack. Complete: it was walked to its outermost frame, or
  // reaches a known first function. A function that went on into another one by a jump (a tail
  // call) has no frame, nor has the innermost frame's caller where frame pointers skipped it: it is
  // put back as `inferred` if the call that the next frame is in names it. With kLines,
  // functions inlined in a frame come before it as frames of their own; lines that take long to
  // find may be missing, and are there when one asks again.
  Stack symbolize(const WalkedStack& walked, Detail detail = Detail::kFunctions);

  ObjectName object_at(std::uint64_t address);

  // The ELF file of a mapping; null when it is none or cannot be read.
  std::shared_ptr<const ElfImage> image_of(const Mapping& mapping);
  // What to subtract from addresses of the mapping's module to get virtual addresses of its file.
  [[nodiscard]] std::optional<std::uint64_t> load_bias(const Mapping& mapping,
                                                       const ElfImage& image) const;

  [[nodiscard]] const MemoryMap& memory_map() const { return map_; }
  [[nodiscard]] std::int32_t pid() const { return pid_; }
  // /proc/PID; see open_process().
  [[nodiscard]] int directory() const { return directory_.get(); }

 private:
  // What a call goes to.
  struct Callee {
    std::uint64_t address = 0;  // 0: not known
    Frame frame;
  };
  // A frame, and whether nothing called it.
  struct NamedFrame {
    // Where the function begins; 0: not known.
    [[nodiscard]] std::uint64_t function_at(std::uint64_t address) const {
      return frame.function.empty() ? 0 : address - frame.offset;
    }

    Frame frame;
    bool in_code = false;
    bool outermost = false;
    std::optional<ElfKey> file;  // with the code, and where in it
    std::uint64_t vaddr = 0;
    std::optional<SourceFrames> source;  // once asked for and known
    std::optional<Callee> callee;        // likewise
  };
  // What tells one program run from the next under the same pid.
  struct Fingerprint {
    std::uint64_t exe_device = 0;
    std::uint64_t exe_inode = 0;
    std::uint64_t stack_end = 0;
    std::uint64_t vdso_start = 0;

    bool operator==(const Fingerprint&) const = default;
  };
  // A variable's place: the module's file, and the address in it.
  struct StaticPlace {
    std::shared_ptr<const ElfImage> image;
    std::string_view path;
    std::uint64_t vaddr = 0;
  };
  using FileId = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>;

  [[nodiscard]] Fingerprint fingerprint_of(const MemoryMap& map) const;
  void adopt_code_files();
  std::optional<ElfKey> key_of(const Mapping& mapping);
  const Callee& callee_before(std::uint64_t return_address);
  Callee read_callee(std::uint64_t return_address);
  const Mapping* find_or_reload(std::uint64_t address);
  NamedFrame& named_frame(std::uint64_t address, bool is_return_address);
  // The frame, behind those inlined in it.
  std::vector<Frame> with_lines(NamedFrame& named);
  NamedFrame make_frame(std::uint64_t address, bool is_return_address);
  void name_by_file(const Mapping& mapping, std::uint64_t address, std::uint64_t back,
                    NamedFrame& named);
  void name_generated(std::uint64_t address, std::uint64_t back, NamedFrame& named);
  void name_java(std::uint64_t address, NamedFrame& named);
  NamedFrame& named_method(std::uint64_t method);
  void read_generated();
  std::shared_ptr<const ElfImage> vdso();
  std::optional<StaticPlace> static_place(const Mapping& mapping, std::uint64_t address);
  std::int32_t thread_with_stack(const Mapping& mapping, std::uint64_t address);

  std::int32_t pid_;
  ElfCache* cache_;
  Fd directory_;
  bool frozen_ = false;
  MemoryMap map_;
  Fingerprint fingerprint_;
  std::chrono::steady_clock::time_point last_reload_;
  std::map<FileId, ElfKey> files_;
  std::unordered_map<std::uint64_t, NamedFrame> frames_;  // by address * 2 + is_return_address
  // {user stack pointer, tid} of sleeping threads, ascending; read when first asked for.
  std::optional<std::vector<std::pair<std::uint64_t, std::int32_t>>> stack_pointers_;
  std::optional<std::shared_ptr<const ElfImage>> vdso_;  // read when first asked for
  PerfMap generated_;
  HotspotSearch java_;
  std::vector<HotspotCode::Piece> java_pieces_;
  std::optional<std::chrono::steady_clock::time_point> generated_read_;  // both
};

}  // namespace cw
