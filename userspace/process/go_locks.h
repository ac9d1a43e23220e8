// The functions of Go's runtime in which goroutines wait for mutexes, and where to probe them.
#pragma once

#include <memory>
#include <optional>

#include "model/go_sites.h"
#include "process/elf_symbols.h"
#include "process/process_symbols.h"

namespace cw {

// Whether some of its code is Go's.
bool runs_go(ProcessSymbols& symbols);

// Of a process that runs a Go program for x86-64, stripped or not; empty for any other. Reads its
// file: call it once an image.
std::optional<GoSites> find_go_sites(ProcessSymbols& symbols);
// The same of the program's file itself, open for reading.
GoSites find_go_sites(const ElfImage& image, std::shared_ptr<const Fd> file);

}  // namespace cw
