#include "recording/archive.h"

namespace cw::recording {

std::uint64_t about_sum(const Histogram& histogram) {
  std::uint64_t sum = 0;
  for (const auto& [bucket, count] : histogram.buckets()) {
    const std::uint64_t lower = bucket_lower(bucket);
    sum += count * (lower + (bucket_upper(bucket) - lower) / 2);
  }
  return sum;
}

std::uint64_t first_bucket(const Histogram& histogram) {
  return histogram.empty() ? 0 : histogram.buckets().front().first;
}

}  // namespace cw::recording
