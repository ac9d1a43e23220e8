// How to unwind the code of one ELF file.
#pragma once

#include <libelf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/unwind.h"

namespace cw {

// An executable part of a file: PT_LOAD.
struct CodeSegment {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  // in the file
  std::uint64_t vaddr = 0;
};

struct UnwindFile {
  std::vector<CodeSegment> segments;
  UnwindTable table;  // empty: the file has neither .eh_frame nor Go's table
};

// Those that are executable, as the program headers have them.
std::vector<CodeSegment> code_segments(Elf* elf);

// What to subtract from the addresses of a mapping that begins at `start` with the file's byte
// `offset`, to get virtual addresses of the file. Empty when no segment lies there.
std::optional<std::uint64_t> code_bias(std::span<const CodeSegment> segments, std::uint64_t start,
                                       std::uint64_t offset);

// Of an ELF file for x86-64, open for reading. By its section .eh_frame, or without section headers
// by PT_GNU_EH_FRAME (LSB core specification 5.0, section 10.6.2); Go code by Go's table. Empty
// when it is none.
std::optional<UnwindFile> read_unwind_file(int file);
// The same of a file's image in memory, such as the vDSO.
std::optional<UnwindFile> read_unwind_image(std::vector<std::byte> image);

}  // namespace cw
