#include "analysis/survival.h"

#include <algorithm>
#include <map>

namespace cw {
namespace {

double middle_of(std::uint32_t bucket) {
  return static_cast<double>(bucket_lower(bucket) + bucket_upper(bucket)) / 2;
}

struct Here {
  double ended = 0;
  double cut = 0;
};

using ByBucket = std::map<std::uint32_t, Here>;

ByBucket by_bucket(const Followed& followed) {
  ByBucket all;
  for (const auto& [bucket, count] : followed.ended.buckets())
    all[bucket].ended = static_cast<double>(count);
  for (const auto& [bucket, count] : followed.cut.buckets())
    all[bucket].cut = static_cast<double>(count);
  return all;
}

struct Rest {
  double mean = 0;
  bool any_ended = false;
};

// How long what got as far as `from` goes on from there, if it ends at a steady rate. Where none
// was seen to end, as if half of one had been.
Rest rest_beyond(const ByBucket& all, double from) {
  constexpr double kHalfOfOne = 0.5;
  double ended = 0;
  double time = 0;
  for (const auto& [bucket, here] : all) {
    const double beyond = middle_of(bucket) - from;
    if (beyond <= 0) continue;
    ended += here.ended;
    time += beyond * (here.ended + here.cut);
  }
  return {.mean = time / std::max(ended, kHalfOfOne), .any_ended = ended > 0};
}

// What the buckets' middles make of a sum that is known exactly.
double corrected(const Histogram& histogram, std::uint64_t sum) {
  double by_middles = 0;
  for (const auto& [bucket, count] : histogram.buckets())
    by_middles += middle_of(bucket) * static_cast<double>(count);
  return by_middles > 0 ? static_cast<double>(sum) / by_middles : 1;
}

}  // namespace

void Followed::add(const Followed& other) {
  ended.merge(other.ended);
  ended_sum += other.ended_sum;
  cut.merge(other.cut);
  cut_sum += other.cut_sum;
}

MeanLife mean_life(const Followed& followed) {
  const ByBucket all = by_bucket(followed);
  auto left = static_cast<double>(followed.ended.count() + followed.cut.count());
  double surviving = 1;
  double area = 0;
  double longest = 0;
  for (const auto& [bucket, here] : all) {
    // Those cut off within the bucket were there for half of it.
    const double at_risk = left - here.cut / 2;
    const double ends = at_risk > 0 ? std::min(1.0, here.ended / at_risk) : 0;
    area += surviving * ends * middle_of(bucket);
    surviving *= 1 - ends;
    left -= here.ended + here.cut;
    longest = middle_of(bucket);
  }
  area *= corrected(followed.ended, followed.ended_sum);
  constexpr double kNone = 1e-9;
  constexpr double kMatters = 0.02;
  if (surviving < kNone) return {.mean = area, .supposed = 0, .open_ended = false};
  const Rest rest = rest_beyond(all, longest / 2);
  return {.mean = area + surviving * (longest + rest.mean),
          .supposed = surviving * rest.mean,
          .open_ended = !rest.any_ended && surviving > kMatters};
}

}  // namespace cw
