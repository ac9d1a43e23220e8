// How long blocks live, from those that were followed for a while. Most windows end before some of
// their blocks do: these count for as long as they were seen alive (Kaplan and Meier 1958).
#pragma once

#include <span>

#include "model/alloc_life.h"
#include "model/lifetimes.h"

namespace cw {

Lifetimes lifetimes_of(std::span<const AllocLife> lives);

CallLatency latency_of(std::span<const AllocLife> lives, double floor_ns);

}  // namespace cw
