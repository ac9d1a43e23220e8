// What writing and reading a recording share: how values are told by others, and by which marks.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/report.h"

namespace cw::recording {

// One block: the run, its report, and what was not in the blocks before it.
enum class Part : unsigned {
  kRun = 1,
  kReport = 2,
  kTexts = 3,
  kFrames = 4,
  kStacks = 5,
  kLocks = 6
};

// What both directions share.
class ArchiveBase {
 public:
  void set_interval(double seconds) {
    constexpr double kLongest = 1e9;
    interval_s_ = seconds > 0 && seconds < kLongest ? seconds : 0;
    interval_ns_ = std::round(interval_s_ * 1e9);
  }
  [[nodiscard]] double interval_s() const { return interval_s_; }
  [[nodiscard]] double interval_ns() const { return interval_ns_; }

  static double ratio_of(std::uint64_t count, double of) {
    return of == 0 ? 0 : static_cast<double>(count) / of;
  }
  // The count that, over `of`, is nearest to `value`; 0 where there is none.
  static std::uint64_t count_of(double value, double of) {
    constexpr double kExact = 9'007'199'254'740'992;  // 2^53: whole numbers up to it are doubles
    const double count = value * of;
    return count > 0 && count < kExact ? static_cast<std::uint64_t>(std::llround(count)) : 0;
  }

 private:
  double interval_s_ = 0;
  double interval_ns_ = 0;
};

// How whole numbers that may be negative are stored: 0, -1, 1, -2, 2...
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63U);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1U) ^ (~(value & 1U) + 1));
}

// How a double with a count is told apart from one that is stored as it is. Either is followed by
// nothing but what it is.
inline constexpr std::uint64_t kAsItIs = 0;

// A bucket of a histogram and its count in one number, if the count is less than this; else 0 is
// there for it, and the count follows by itself.
inline constexpr std::uint64_t kSmallCounts = 8;

// Digits of a sentence are taken out of it, as long as they fit: "1" before them keeps zeros.
inline constexpr char kDigits = '\x01';  // stands where they were
inline constexpr std::size_t kMostDigits = 17;
inline constexpr unsigned kMostNumbers = 40;

// About what the counts of a histogram add up to, were each in the middle of its bucket.
std::uint64_t about_sum(const Histogram& histogram);
std::uint64_t first_bucket(const Histogram& histogram);  // 0 where it is empty

}  // namespace cw::recording
