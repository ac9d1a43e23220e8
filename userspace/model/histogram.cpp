#include "model/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace cw {
namespace {
constexpr unsigned kSubBits = 3;  // log2(kSubBuckets)
using Bucket = std::pair<std::uint32_t, std::uint64_t>;
}  // namespace

std::uint32_t bucket_of(std::uint64_t value) {
  if (value < kSubBuckets) return static_cast<std::uint32_t>(value);
  const auto octave = static_cast<unsigned>(std::bit_width(value)) - 1;
  const auto within = static_cast<std::uint32_t>(value >> (octave - kSubBits)) % kSubBuckets;
  return (octave - kSubBits + 1) * kSubBuckets + within;
}

std::uint64_t bucket_lower(std::uint32_t bucket) {
  if (bucket < kSubBuckets) return bucket;
  const std::uint32_t shift = bucket / kSubBuckets - 1;
  return std::uint64_t{kSubBuckets + bucket % kSubBuckets} << shift;
}

std::uint64_t bucket_upper(std::uint32_t bucket) {
  if (bucket < kSubBuckets) return bucket;
  return bucket_lower(bucket) + (std::uint64_t{1} << (bucket / kSubBuckets - 1)) - 1;
}

void Histogram::add(std::uint32_t bucket, std::uint64_t count) {
  if (count == 0) return;
  const auto place = std::ranges::lower_bound(buckets_, bucket, {}, &Bucket::first);
  if (place != buckets_.end() && place->first == bucket)
    place->second += count;
  else
    buckets_.emplace(place, bucket, count);
}

void Histogram::merge(const Histogram& other) {
  if (buckets_.empty()) {
    buckets_ = other.buckets_;
    return;
  }
  for (const auto& [bucket, count] : other.buckets_) add(bucket, count);
}

Histogram Histogram::since(const Histogram& before) const {
  Histogram grown;
  auto old = before.buckets_.begin();
  for (const auto& [bucket, count] : buckets_) {
    while (old != before.buckets_.end() && old->first < bucket) ++old;
    const bool known = old != before.buckets_.end() && old->first == bucket && old->second <= count;
    const std::uint64_t more = known ? count - old->second : count;
    if (more != 0) grown.buckets_.emplace_back(bucket, more);
  }
  return grown;
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const auto& [bucket, count] : buckets_) total += count;
  return total;
}

std::uint64_t Histogram::percentile(double share) const {
  const double rank = share * static_cast<double>(count());
  double seen = 0;
  for (const auto& [bucket, count] : buckets_) {
    const auto here = static_cast<double>(count);
    if (seen + here >= rank) {
      const auto width = static_cast<double>(bucket_upper(bucket) - bucket_lower(bucket));
      return bucket_lower(bucket) +
             static_cast<std::uint64_t>(std::ceil(width * (rank - seen) / here));
    }
    seen += here;
  }
  return max();
}

std::uint64_t Histogram::max() const {
  return buckets_.empty() ? 0 : bucket_upper(buckets_.back().first);
}

}  // namespace cw
