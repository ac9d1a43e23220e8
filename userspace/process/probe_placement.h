// Choosing the instruction at which a function is probed. A uprobe costs least on an instruction
// that the kernel emulates, and 3 to 20 times as much on one that it must single-step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/alloc_site.h"

namespace cw {

// Whether x86-64 Linux emulates the instruction (its bytes, at its start) under a uprobe:
// arch/x86/kernel/uprobes.c, branch_setup_xol_ops() and push_setup_xol_ops(), as of Linux 4.16.
// Longer nops, which only newer kernels emulate, are left out: they are where code is patched.
bool is_emulated(std::span<const std::byte> instruction);

struct Placement {
  std::uint64_t vaddr = 0;
  std::optional<Register> size_in;
  std::optional<Register> count_in;
  std::optional<Register> pointer_in;
  std::uint32_t pushed = 0;
  bool emulated = false;
  std::string instruction;
  std::string why_entry;
};

// The first emulated instruction that every call passes exactly once with its arguments in
// registers; else the entry. That is: on the straight line from the entry to the first branch
// (which is a site itself: the probe fires before it is taken), and not behind
//   * the target of a branch, of the function's own or of `landings`,
//   * the prologue's last growth of the stack, where a jump's target is not known (a jump table may
//     lead back to a loop's head, but to nothing that would grow the stack once a turn),
//   * a write to thread-local memory (it may begin a restartable sequence, rseq(2), which a probe
//     would abort), or an instruction whose effects are not known for sure.
// Landing pads of exceptions lie behind calls, and so never on that line.
//
// `code`: the function from its entry at `vaddr` to its end. Any bytes are taken. `landings`: where
// other code branches to, such as the function's `.cold` part.
Placement place(std::span<const std::byte> code, std::uint64_t vaddr, const CallShape& shape,
                std::span<const std::uint64_t> landings = {});
inline Placement place(std::span<const std::byte> code, std::uint64_t vaddr, AllocCall call,
                       std::span<const std::uint64_t> landings = {}) {
  return place(code, vaddr, shape_of(call), landings);
}

}  // namespace cw
