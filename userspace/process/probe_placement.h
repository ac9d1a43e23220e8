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
// arch/x86/kernel/uprobes.c, branch_setup_xol_ops() and push_setup_xol_ops().
bool is_emulated(std::span<const std::byte> instruction);

struct Placement {
  std::uint64_t vaddr = 0;
  std::optional<Register> size_in;
  std::optional<Register> count_in;
  std::optional<Register> pointer_in;
  std::uint32_t pushed = 0;
  bool non_null_only = false;
  bool emulated = false;
  std::string instruction;
  std::string why_entry;
};

// For a function of `code` bytes, from its entry at `vaddr` to its end. Any bytes are taken: where
// they cannot be understood, the site is the entry.
Placement place(std::span<const std::byte> code, std::uint64_t vaddr, AllocCall call);

}  // namespace cw
