#include "export/wait_buckets.h"

#include <algorithm>

namespace cw {
namespace {

constexpr std::array<std::uint64_t, WaitBuckets::kBounds> kAbout = {
    10'000,     32'000,      100'000,     320'000,       1'000'000,     3'200'000,     10'000'000,
    32'000'000, 100'000'000, 320'000'000, 1'000'000'000, 3'200'000'000, 10'000'000'000};

}  // namespace

std::uint64_t WaitBuckets::bound(std::size_t index) {
  return bucket_upper(bucket_of(kAbout[index]));
}

void WaitBuckets::add(const Distribution& waits) {
  std::uint64_t placed = 0;
  for (const auto& [bucket, count] : waits.histogram.buckets()) {
    place(bucket_upper(bucket), count);
    placed += count;
  }
  if (waits.count > placed) place(waits.sum_ns / waits.count, waits.count - placed);
  // What is exported of a histogram must add up, should the two differ the other way.
  count_ += std::max(placed, waits.count);
  sum_ns_ += waits.sum_ns;
}

void WaitBuckets::add(std::uint64_t count, std::uint64_t sum_ns) {
  if (count == 0) return;
  place(sum_ns / count, count);
  count_ += count;
  sum_ns_ += sum_ns;
}

void WaitBuckets::place(std::uint64_t ns, std::uint64_t count) {
  for (std::size_t i = 0; i < kBounds; ++i)
    if (ns <= bound(i)) up_to_[i] += count;
}

}  // namespace cw
