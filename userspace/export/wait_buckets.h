// The lengths of waits since we came, by bounds that stay the same.
#pragma once

#include <array>
#include <cstdint>

#include "model/report.h"

namespace cw {

class WaitBuckets {
 public:
  // Nanoseconds, inclusive, about three to a decade from 10 us to 10 s. They are edges of the
  // report's own buckets: no count is split or guessed.
  static constexpr std::size_t kBounds = 13;
  static std::uint64_t bound(std::size_t index);

  // Where only the mean of the waits is known, all are taken to be that long.
  void add(const Distribution& waits);
  void add(std::uint64_t count, std::uint64_t sum_ns);

  [[nodiscard]] std::uint64_t up_to(std::size_t index) const { return up_to_[index]; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t sum_ns() const { return sum_ns_; }

 private:
  void place(std::uint64_t ns, std::uint64_t count);

  std::array<std::uint64_t, kBounds> up_to_{};  // cumulative, as they are exported
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
};

}  // namespace cw
