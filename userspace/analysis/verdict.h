// From numbers to a judgement, and no further than they reach.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/background.h"
#include "analysis/locks.h"
#include "analysis/thresholds.h"
#include "model/report.h"

namespace cw {

// Sets level and cause.
void judge(Lock& lock, const Thresholds& thresholds);

// Where to look, as far as the stacks tell. For a lock that was named; `threads`: of its processes.
std::vector<std::string> advice(const Lock& lock, std::uint64_t threads);

// One sentence on a lock: "mutex orders::ledger: 2.5 of 14 threads are waiting for it".
std::string lock_summary(const Lock& lock, std::uint64_t threads);

// The verdict of an interval. `locks` worst first, without idle kinds; `worst_threads`: of the
// first one's processes.
Verdict conclude(const std::vector<Lock>& locks, const Background& background,
                 std::uint64_t worst_threads, const IdleWaits& idle,
                 const std::vector<Deadlock>& deadlocks,
                 const std::vector<ProcessReport>& processes);

// True when a word that is not known to be a lock counts as one in sums of lock waiting: it is
// used as locks are, by several threads that wait again for what they were just woken for.
bool counts_as_lock(const Lock& lock);

}  // namespace cw
