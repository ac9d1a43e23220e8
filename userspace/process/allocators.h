// The allocators of a process, and where to probe them.
#pragma once

#include <vector>

#include "model/alloc_site.h"
#include "process/process_symbols.h"

namespace cw {

// Of all mapped files; the one that `malloc` means first. Empty when none is found. Reads files and
// the dynamic linker's list of modules: call it once an image, and again when its maps have
// changed.
std::vector<AllocatorSites> find_allocator_sites(ProcessSymbols& symbols);

}  // namespace cw
