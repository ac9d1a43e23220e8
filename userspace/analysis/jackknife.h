// How uncertain a figure is that comes from many windows: windows differ more than what was seen in
// one of them does, so it is worked out again with one group of windows left out each time.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "analysis/alloc_estimate.h"

namespace cw {

// Half of the 95 % interval, from the figure's values with one group left out each; infinite where
// there are too few.
inline double half_interval(const std::vector<double>& without) {
  if (without.size() < 2) return std::numeric_limits<double>::infinity();
  const auto count = static_cast<double>(without.size());
  double mean = 0;
  for (const double value : without) mean += value / count;
  double squares = 0;
  for (const double value : without) squares += (value - mean) * (value - mean);
  return student_quantile(count - 1) * std::sqrt(squares * (count - 1) / count);
}

// Of a part's share of a whole; both by group. A few that agree by chance would seem to know it.
inline double half_interval_of_share(const std::vector<double>& part,
                                     const std::vector<double>& whole) {
  constexpr std::size_t kFewest = 5;
  double part_sum = 0;
  double whole_sum = 0;
  for (const double value : part) part_sum += value;
  for (const double value : whole) whole_sum += value;
  std::vector<double> without;
  for (std::size_t i = 0; i < part.size(); ++i)
    if (whole[i] > 0 && whole[i] < whole_sum)
      without.push_back((part_sum - part[i]) / (whole_sum - whole[i]));
  if (without.size() < kFewest) without.clear();
  return half_interval(without);
}

}  // namespace cw
