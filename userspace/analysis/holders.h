// Who holds a lock, by where it was taken, in all the processes that share it.
#pragma once

#include <cstddef>
#include <vector>

#include "analysis/stacks.h"
#include "model/critical_section.h"
#include "model/report.h"

namespace cw {

// Threads that hold it, on average.
double held_threads(const LockSections& seen);

void add(Distribution& to, const Distribution& more);

// One row a caller, whichever process it is of, and whether it got the lock at once or waited; at
// most so many, largest share first.
std::vector<Holders> holders_of(const std::vector<const LockSections*>& parts, std::size_t most,
                                StackNames& names);

}  // namespace cw
