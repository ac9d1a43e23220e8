// How long things last that are not all seen to their end, against draws whose mean is known.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "analysis/survival.h"
#include "analysis_random.h"

namespace cw {
namespace {

using test::Draw;
using test::exponential;
using test::Random;

// Begun at any time of a window, followed up to its end.
Followed follow(const Draw& draw, double window_ns, int count) {
  Random random(7);
  std::uniform_real_distribution<double> left(0, window_ns);
  Followed followed;
  for (int i = 0; i < count; ++i) {
    const double lasts = draw(random);
    const double seen = left(random);
    const auto ns = static_cast<std::uint64_t>(std::min(lasts, seen));
    if (lasts <= seen) {
      followed.ended.add(bucket_of(ns), 1);
      followed.ended_sum += ns;
    } else {
      followed.cut.add(bucket_of(ns), 1);
      followed.cut_sum += ns;
    }
  }
  return followed;
}

TEST(Survival, ShortAgainstTheWindow) {
  const Followed followed =
      follow([](auto& random) { return exponential(random, 20e3); }, 5e6, 20'000);
  EXPECT_NEAR(mean_life(followed).mean, 20e3, 0.03 * 20e3);
  EXPECT_FALSE(mean_life(followed).open_ended);
}

TEST(Survival, AlwaysTheSame) {
  const Followed followed = follow([](auto&) { return 300e3; }, 1e6, 4'000);
  EXPECT_NEAR(mean_life(followed).mean, 300e3, 0.03 * 300e3);
}

// Of those that end in the window the mean is far too low.
TEST(Survival, AsLongAsTheWindow) {
  const Followed followed =
      follow([](auto& random) { return exponential(random, 1e6); }, 1e6, 20'000);
  const double of_ended =
      static_cast<double>(followed.ended_sum) / static_cast<double>(followed.ended.count());
  EXPECT_LT(of_ended, 0.5e6);
  EXPECT_NEAR(mean_life(followed).mean, 1e6, 0.10 * 1e6);
}

TEST(Survival, ThreeTimesAsLongAsTheWindow) {
  const Followed followed =
      follow([](auto& random) { return exponential(random, 3e6); }, 1e6, 20'000);
  EXPECT_NEAR(mean_life(followed).mean, 3e6, 0.15 * 3e6);
}

// Mostly short, and some that outlast every window.
TEST(Survival, SomeNeverEnd) {
  const Followed followed = follow(
      [](auto& random) {
        return std::bernoulli_distribution(0.1)(random) ? 1e9 : exponential(random, 10e3);
      },
      1e6, 5'000);
  const MeanLife life = mean_life(followed);
  EXPECT_TRUE(life.open_ended);
  EXPECT_GT(life.mean, 0.1 * 0.9e6) << "as long as they were followed, at least";
}

TEST(Survival, OneThatIsCutOffAmongThousandsHardlyMatters) {
  Followed followed = follow([](auto&) { return 20e3; }, 1e9, 5'000);
  followed.cut.add(bucket_of(300'000), 1);
  followed.cut_sum += 300'000;
  EXPECT_NEAR(mean_life(followed).mean, 20e3, 0.03 * 20e3);
  EXPECT_FALSE(mean_life(followed).open_ended);
}

TEST(Survival, Nothing) {
  EXPECT_EQ(mean_life({}).mean, 0);
}

}  // namespace
}  // namespace cw
