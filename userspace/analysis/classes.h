// Locks by the thousand: each alone keeps hardly anybody waiting, all together they do.
#pragma once

#include <vector>

#include "analysis/background.h"
#include "analysis/locks.h"
#include "analysis/thresholds.h"

namespace cw {

// So many alike make a class.
inline constexpr std::size_t kLeastOfAClass = 10;

// Where at least so many locks of a process are alike, each fine by itself, and their sums are not,
// one row takes their place; its `objects` says how many they are. What `background` holds of them
// is taken out of it and into the row. Before idle kinds are taken out or afterwards: they are left
// alone.
void merge_into_classes(std::vector<Lock>& locks, Background& background, const Interval& interval,
                        const Thresholds& thresholds);

}  // namespace cw
