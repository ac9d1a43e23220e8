// Walks the stack of a thread that sleeps, from outside: what the kernel side does for threads that
// begin to wait (bpf/unwind.h), for those that waited before it came.
#pragma once

#include <cstdint>
#include <optional>

#include "model/fd.h"
#include "model/unwind.h"
#include "process/maps.h"
#include "process/unwind_files.h"

namespace cw {

class StackWalker {
 public:
  // `files` must outlive this. The process's maps are read once, now.
  StackWalker(std::int32_t pid, UnwindFiles& files);

  // The first frame is behind a system call's instruction. The thread may wake while it is walked;
  // whether it still sleeps is the caller's to check. At most 127 frames; never stops the process.
  WalkedStack walk(const Registers& from);

  [[nodiscard]] const MemoryMap& memory_map() const { return map_; }

 private:
  struct Frame {
    Registers at;
    bool exact = false;
    bool guessed = false;
    bool innermost = false;
  };
  enum class Step : std::uint8_t { kMoved, kOutermost, kLost };

  UnwindRule rule_for(std::uint64_t address);
  bool read_word(std::uint64_t address, std::uint64_t& value);
  std::uint64_t cfa_by(const UnwindRule& rule, const Registers& at);
  bool saved_fp_by(const UnwindRule& rule, const Registers& at, std::uint64_t cfa,
                   std::uint64_t& fp);
  // `walked`: what is noted of it.
  Step step(Frame& frame, WalkedFrame& walked);
  Step step_by_frame_pointer(Frame& frame);
  Step step_to_other_stack(Frame& frame);
  Step step_interpreted(const UnwindRule& rule, Frame& frame, std::uint64_t& method);
  Step step_by_signal(const UnwindRule& rule, Frame& frame);

  UnwindFiles* files_;
  Fd directory_;
  Fd memory_;
  MemoryMap map_;
  std::optional<UnwindTable> generated_;  // of code that Java made; read when first met
};

}  // namespace cw
