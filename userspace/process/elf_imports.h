// Where a module's code goes through its tables of addresses (PLT and GOT): x86-64 psABI 4.4.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace cw {

struct ElfImport {
  std::string name;         // of the function
  std::uint64_t vaddr = 0;  // where this very file defines it; 0: it does not
};

// By the address of the table's entry. Empty for what is no ELF file for x86-64; of huge ones only
// the first 131,072 are read.
using ElfImports = std::unordered_map<std::uint64_t, ElfImport>;
ElfImports read_imports(int file);

}  // namespace cw
