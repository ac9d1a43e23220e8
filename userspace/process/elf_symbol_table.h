// From the raw entries of .symtab and .dynsym to sorted symbols without doubles.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "process/elf_symbols.h"

namespace cw {

struct RawSymbol {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  std::uint64_t limit = 0;  // end of its section
  std::uint32_t name = 0;   // offset in the pool
  std::uint8_t binding = 0;
  bool from_symtab = false;
  bool indirect = false;  // STT_GNU_IFUNC
};

// By address, one symbol each: of several names for one address (aliases) the one a reader knows,
// which is the sized, exported one with the fewest underscores. Functions without a size get
// one up to the next symbol, where that cannot name foreign code: from .symtab, which lists all
// functions, or for the assembly that starts programs and threads.
std::vector<ElfSymbol> make_symbols(std::vector<RawSymbol> raw, std::string_view names,
                                    bool are_functions);

}  // namespace cw
