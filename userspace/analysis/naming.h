// Names for a lock and for the stacks around it. Asking is dear: only for what will be shown.
#pragma once

#include "analysis/locks.h"
#include "analysis/memory.h"
#include "analysis/stacks.h"
#include "model/symbolizer.h"

namespace cw {

// Fills in name, object, owner, waiters and releasers, at most `rows` of either.
void name_lock(Lock& lock, std::size_t rows, const Memory& memory, Symbolizer& symbolizer,
               StackNames& stacks);

// Keeps the function that waits on it now, if no interval before has.
void remember_first_sight(const Lock& lock, Memory& memory);

// The name of a lock that nobody was asked about: its address.
void name_by_address(Lock& lock);

}  // namespace cw
