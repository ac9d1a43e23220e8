// What an allocator's row says of its blocks' lives, and of the time its calls take and wait.
#pragma once

#include <vector>

#include "analysis/stacks.h"
#include "model/alloc_snapshot.h"
#include "model/report.h"

namespace cw {

// To be called once the row has its sites.
void add_lives(const AllocatorSample& sample, StackNames& names, AllocatorReport& report);

// Which of the sites wait how long for the allocator's own locks: by the function that called into
// it. `locks`: all of the interval.
void add_arena_waits(const std::vector<LockReport>& locks, double interval_s,
                     AllocatorReport& report);

// Advice on the site where most blocks are made; empty where nothing is known of their lives.
std::string advice_on_lives(const AllocationSiteReport& site);

}  // namespace cw
