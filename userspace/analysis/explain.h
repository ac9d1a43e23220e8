// The sums behind the levels as formulas with their numbers filled in, for a reader who wants to do
// them again: what, times what, gives what, and what that was compared with.
#pragma once

#include "analysis/thresholds.h"
#include "model/report.h"

namespace cw {

// Fills in `explanation` of every lock, allocator and memory row. To be called when all is in.
void explain(Report& report, const Thresholds& thresholds);

}  // namespace cw
