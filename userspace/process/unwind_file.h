// How to unwind the code of one ELF file.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/unwind.h"

namespace cw {

struct UnwindFile {
  // An executable part of the file: PT_LOAD.
  struct Segment {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  // in the file
    std::uint64_t vaddr = 0;
  };
  std::vector<Segment> segments;
  UnwindTable table;  // empty: the file has no .eh_frame

  // What to subtract from the addresses of a mapping that begins at `start` with the file's byte
  // `offset`, to get a pc as the table has it. Empty when no segment lies there.
  [[nodiscard]] std::optional<std::uint64_t> bias(std::uint64_t start, std::uint64_t offset) const;
};

// Of an ELF file for x86-64, open for reading. By its section .eh_frame, or without section headers
// by PT_GNU_EH_FRAME (LSB core specification 5.0, section 10.6.2). Empty when it is none.
std::optional<UnwindFile> read_unwind_file(int file);
// The same of a file's image in memory, such as the vDSO.
std::optional<UnwindFile> read_unwind_image(std::vector<char> image);

}  // namespace cw
