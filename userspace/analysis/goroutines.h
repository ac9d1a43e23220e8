// Waits of goroutines, which are seen while their program is probed.
#pragma once

#include <cstdint>
#include <map>

#include "analysis/interval.h"

namespace cw {

// By program: the part of the interval in which it was probed.
using SeenShares = std::map<ImageId, double>;

// What was seen of goroutines in a part of the interval, made to stand for all of it.
void extrapolate_goroutines(Interval& interval, const SeenShares& seen);

// How long goroutines of a program wait, each wait counted as often as it is long; 0: none ended.
std::uint64_t goroutine_wait_ns(const Interval& interval, ImageId image);

}  // namespace cw
