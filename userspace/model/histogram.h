// A log-linear histogram: every power of two is split into eight buckets of equal width.
//
//   value   0 1 2 ... 7 | 8 9 ... 15 | 16-17 18-19 ... 30-31 | 32-35 ...
//   bucket  0 1 2 ... 7 | 8 9 ... 15 | 16    17    ... 23    | 24 ...
//
// A bucket's width is at most 1/8 of its lower edge, so a percentile read from it is off by at
// most 12.5 %. The BPF side computes the same index (bpf/wire.h); a kernel test compares the two.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace cw {

inline constexpr std::uint32_t kSubBuckets = 8;

// Bucket that holds `value`, 0 to 495.
std::uint32_t bucket_of(std::uint64_t value);
// Smallest and largest value that `bucket` holds, both inclusive.
std::uint64_t bucket_lower(std::uint32_t bucket);
std::uint64_t bucket_upper(std::uint32_t bucket);

class Histogram {
 public:
  void add(std::uint32_t bucket, std::uint64_t count);
  void merge(const Histogram& other);
  // What grew since `before`; a bucket that shrank (its word was forgotten and seen again) counts
  // from zero.
  [[nodiscard]] Histogram since(const Histogram& before) const;

  [[nodiscard]] bool empty() const { return buckets_.empty(); }
  [[nodiscard]] std::uint64_t count() const;
  // The value below which `share` (0..1) of all counts lie, interpolated inside its bucket and
  // rounded up to a whole unit; 0 for an empty histogram.
  [[nodiscard]] std::uint64_t percentile(double share) const;
  // Upper edge of the highest bucket in use; 0 for an empty histogram.
  [[nodiscard]] std::uint64_t max() const;
  // {bucket, count}, ascending, without empty buckets.
  [[nodiscard]] const std::vector<std::pair<std::uint32_t, std::uint64_t>>& buckets() const {
    return buckets_;
  }

  bool operator==(const Histogram&) const = default;

 private:
  // Sorted and flat: a hundred thousand words have one each, with a handful of buckets.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> buckets_;
};

}  // namespace cw
