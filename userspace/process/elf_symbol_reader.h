// Reading the symbol tables of an ELF file: .symtab and .dynsym.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process/elf_symbol_table.h"

namespace cw {

// Symbols of one program, which may come from several files: itself, and those with its debug
// information.
struct SymbolPool {
  std::string names;  // NUL-terminated strings
  std::vector<RawSymbol> functions;
  std::vector<RawSymbol> objects;
  bool cut = false;  // a bound was met: symbols are missing

  // Where `strings` begin in `names` once added; empty when they do not fit. Offsets have 31 bits.
  std::optional<std::uint64_t> add_names(std::string_view strings);
};

// Adds the functions and variables of the file's tables, the first of each kind: a file has one of
// each, and a hostile one must not make us read thousands. Names are the file's: never longer than
// its string table.
void read_symbols(Elf* elf, SymbolPool& pool);

}  // namespace cw
