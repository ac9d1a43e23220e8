// The unwind rows of an ELF file, from its .eh_frame (LSB core specification 5.0, section 10.6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/unwind.h"
#include "process/unwind_rows.h"

namespace cw {

// `section`: the bytes of .eh_frame; `vaddr`: its virtual address in the file. What is damaged or
// not understood is left out and counted. The time taken is linear in the section's size.
void add_eh_frame(std::span<const std::byte> section, std::uint64_t vaddr, UnwindRows& rows);
// A table of nothing else.
UnwindTable unwind_table(std::span<const std::byte> section, std::uint64_t vaddr);

}  // namespace cw
