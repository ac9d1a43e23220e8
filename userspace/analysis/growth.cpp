#include "analysis/growth.h"

#include <algorithm>
#include <cmath>

namespace cw {
namespace {

constexpr std::size_t kFewestLooks = 12;
constexpr double kGoesOn = 0.5;       // the latest third grows at least so fast as the whole
constexpr double kNoticeable = 0.01;  // of what there was at first, per minute

// The slope that fits best, of anything with a time and a size.
template <typename Iterator>
double slope(const Iterator& first, const Iterator& last) {
  const auto count = static_cast<double>(last - first);
  if (count < 2) return 0;
  const std::uint64_t origin = first->time_ns;
  double times = 0;
  double sizes = 0;
  for (auto look = first; look != last; ++look) {
    times += static_cast<double>(look->time_ns - origin) / 1e9;
    sizes += static_cast<double>(look->bytes);
  }
  double up = 0;
  double down = 0;
  for (auto look = first; look != last; ++look) {
    const double time = static_cast<double>(look->time_ns - origin) / 1e9 - times / count;
    up += time * (static_cast<double>(look->bytes) - sizes / count);
    down += time * time;
  }
  return down == 0 ? 0 : up / down;
}

}  // namespace

void GrowthTrend::add(std::uint64_t time_ns, std::uint64_t bytes) {
  if (!looks_.empty() && time_ns < looks_.back().time_ns + kStepNs) return;
  looks_.push_back({.time_ns = time_ns, .bytes = bytes});
  while (looks_.front().time_ns + kLongestNs < time_ns) looks_.pop_front();
}

std::uint64_t GrowthTrend::length_ns() const {
  return looks_.empty() ? 0 : looks_.back().time_ns - looks_.front().time_ns;
}

std::optional<double> GrowthTrend::bytes_per_s() const {
  if (length_ns() < kShortestNs || looks_.size() < kFewestLooks) return std::nullopt;
  const double whole = slope(looks_.begin(), looks_.end());
  const double floor = kNoticeable / 60 * static_cast<double>(looks_.front().bytes);
  if (whole <= 0 || whole < floor) return std::nullopt;
  // A warm-up rises and rests; what leaks rises in every part.
  const std::uint64_t third = length_ns() / 3;
  double latest = 0;
  for (std::uint64_t part = 0; part < 3; ++part) {
    const std::uint64_t begin = looks_.front().time_ns + part * third;
    const auto first = std::ranges::lower_bound(looks_, begin, {}, &Look::time_ns);
    const auto last = part == 2 ? looks_.end()
                                : std::ranges::lower_bound(first, looks_.end(), begin + third, {},
                                                           &Look::time_ns);
    latest = slope(first, last);
    if (latest <= 0) return std::nullopt;
  }
  if (latest < kGoesOn * whole) return std::nullopt;
  return std::min(whole, latest);
}

}  // namespace cw
