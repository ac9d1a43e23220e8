// Everything that is said of locks beyond their waiting, in the order in which it builds up: what
// was seen of their critical sections, bounds where nothing could be, and what a redesign would
// give.
#pragma once

#include <cstddef>
#include <vector>

#include "model/critical_section.h"
#include "model/report.h"
#include "model/symbolizer.h"

namespace cw {

// To be called after analyse(), and after owners were looked at. `top_n`: stacks to show for each
// lock.
void add_lock_sums(Report& report, const std::vector<LockSections>& sections, std::size_t top_n,
                   Symbolizer& symbolizer);

}  // namespace cw
