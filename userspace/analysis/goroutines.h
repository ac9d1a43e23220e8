// Waits of goroutines, which are seen while their program is probed.
#pragma once

#include "analysis/interval.h"

namespace cw {

// How long goroutines wait: on average of the waits that ended; where none did, the longest so far.
std::uint64_t goroutine_wait_ns(const Interval& interval);

// What was seen of them in a part of the interval, `seen_share`, made to stand for all of it.
void extrapolate_goroutines(Interval& interval, double seen_share);

}  // namespace cw
