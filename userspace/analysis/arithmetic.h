// The sum behind a level, written so that a reader can do it again.
#pragma once

#include <cstdint>
#include <string>

#include "analysis/locks.h"

namespace cw {

// Its mean waiters: "2.5 of 14 threads"; "2.5 threads" when their number is not known (0).
std::string some_of(const LockReport& lock, std::uint64_t threads);

// "9,800 waits/s x 260 us = 2.5 of 14 threads waiting, somebody waiting 97 % of the time". Where
// rate times duration and the measured mean differ by more than a tenth, both, and why.
std::string lock_arithmetic(const Lock& lock, double interval_s, std::uint64_t threads);

}  // namespace cw
