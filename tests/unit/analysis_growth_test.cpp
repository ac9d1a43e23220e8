// A leak, a warm-up, and what looks like either.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "analysis/growth.h"

namespace cw {
namespace {

constexpr double kMegabyte = 1e6;

std::optional<double> trend(double seconds, const std::function<double(double)>& bytes) {
  GrowthTrend growth;
  for (int second = 0; second <= seconds; ++second) {
    const double time = second;
    growth.add(static_cast<std::uint64_t>((1000 + time) * 1e9),
               static_cast<std::uint64_t>(bytes(time)));
  }
  return growth.bytes_per_s();
}

TEST(Growth, ALeakHasItsRate) {
  const auto rate = trend(90, [](double time) { return 100 * kMegabyte + time * kMegabyte; });
  ASSERT_TRUE(rate);
  EXPECT_NEAR(*rate, kMegabyte, 0.01 * kMegabyte);
}

TEST(Growth, LessThanAMinuteIsNoTrend) {
  EXPECT_FALSE(trend(55, [](double time) { return 100 * kMegabyte + time * kMegabyte; }));
}

TEST(Growth, AWarmUpIsNoLeak) {
  EXPECT_FALSE(trend(120, [](double time) { return kMegabyte * std::min(time, 40.0) * 10; }));
  EXPECT_FALSE(
      trend(180, [](double time) { return 500 * kMegabyte * (1 - std::exp(-time / 20)); }));
}

TEST(Growth, UpAndDownIsNoLeak) {
  EXPECT_FALSE(trend(
      200, [](double time) { return 100 * kMegabyte + 20 * kMegabyte * std::sin(time / 5); }));
}

TEST(Growth, SlowingDownCountsWithTheLatestRate) {
  const auto rate = trend(120, [](double time) {
    return kMegabyte * (100 + (time < 60 ? time : 60 + (time - 60) * 0.7));
  });
  ASSERT_TRUE(rate);
  EXPECT_NEAR(*rate, 0.7 * kMegabyte, 0.05 * kMegabyte);
}

TEST(Growth, WhatIsForgottenDoesNotCount) {
  const auto rate = trend(2000, [](double time) {
    return time < 1200 ? 100 * kMegabyte : (100 + (time - 1200)) * kMegabyte;
  });
  ASSERT_TRUE(rate);
  EXPECT_NEAR(*rate, kMegabyte, 0.02 * kMegabyte);
}

}  // namespace
}  // namespace cw
