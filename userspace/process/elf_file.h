// Opening ELF files for libelf. libelf checks offsets against the file's size but takes every count
// at its word, and a sparse file's size costs its owner nothing: all sizes are bounded here.
#pragma once

#include <gelf.h>
#include <libelf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/error.h"

namespace cw {

struct ElfEnd {
  void operator()(Elf* elf) const { ::elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

inline constexpr std::size_t kMaxSections = 0xff00;  // SHN_LORESERVE: no extended numbers
inline constexpr std::size_t kMaxSegments = 1024;
inline constexpr std::uint64_t kMaxNames = std::uint64_t{128} << 20;       // of a string table
inline constexpr std::uint64_t kMaxSmallSection = std::uint64_t{1} << 20;  // of most others
inline constexpr std::size_t kMaxShortText = 4096;                         // of a string, a path

// For reading without mapping the file: a process that cuts it meanwhile must not end us by SIGBUS.
// Regular, little-endian files with bounded numbers of sections and segments only.
Result<ElfHandle> open_elf(int file);

// The content of the section `index`, as long as `elf` lives; empty when it is larger than `limit`
// bytes or has none in the file.
std::string_view section_content(Elf* elf, std::size_t index, std::uint64_t limit);
// Of the first section of that name. It may be compressed: sh_flags is not looked at.
std::string_view section_content(Elf* elf, std::string_view name, std::uint64_t limit);

// The NUL-terminated string at `offset` of a string table, at most kMaxShortText of it.
std::string bounded_string(std::string_view table, std::uint64_t offset);

// Raw bytes of NT_GNU_BUILD_ID; empty when there is none.
std::string build_id_of(Elf* elf);

}  // namespace cw
