// What one window of an allocator probes and what it counts.
#pragma once

#include <vector>

#include "app/burst_target.h"
#include "model/alloc_site.h"
#include "model/alloc_snapshot.h"
#include "probes/alloc_probes.h"

namespace cw {

// Of each allocator of a process, by its place. A block that is resized counts once, as an
// allocation.
std::vector<AllocProbe> probes_of(const std::vector<AllocatorSites>& allocators, ProbeSet set,
                                  UprobeWay uprobes);

// `frame` with what was counted between two readings.
AllocWindow grown(const AllocWindow& frame, const AllocCounts& before, const AllocCounts& after);
// By call site.
std::vector<AllocSite> grown(const std::vector<AllocSite>& before,
                             const std::vector<AllocSite>& after);

// Fills in hits, threads and their time; readings by allocator. Every hit stands for the mean time
// between two, that before a thread's first one included.
void add_busy_time(const std::vector<AllocCounts>& before, const std::vector<AllocCounts>& after,
                   AllocWindow& frame);

}  // namespace cw
