// The order in which the dynamic linker looks for a name in a process's modules.
#pragma once

#include <cstdint>
#include <vector>

#include "process/process_symbols.h"

namespace cw {

// The load biases of the modules in that order, program first: the dynamic linker's list of them in
// the process's memory (struct r_debug, link.h), which is only read. Modules that dlopen() brought
// come last. Empty for static programs, and when the memory cannot be read.
std::vector<std::uint64_t> link_order(ProcessSymbols& symbols);

}  // namespace cw
