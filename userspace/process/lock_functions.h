// The functions by which a process takes locks and lets them go, and where to probe them.
#pragma once

#include "model/lock_site.h"
#include "process/process_symbols.h"

namespace cw {

// Those of the C library (glibc, musl), wherever it is: its own mutexes pass them too, and so does
// what interposes their names and calls them in turn. Empty when the process has none. Reads files:
// call it once an image, and again when its maps have changed.
LockSites find_lock_sites(ProcessSymbols& symbols);

}  // namespace cw
