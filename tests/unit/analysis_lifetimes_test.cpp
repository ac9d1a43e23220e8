// Lifetimes of simulated blocks whose true distribution is known, seen through short windows.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <random>
#include <vector>

#include "analysis/lifetimes.h"
#include "analysis_random.h"

namespace cw {
namespace {

using test::exponential;
using test::Random;

// Blocks that live so long, in ns, and the share of them that is gone after a millisecond.
struct Blocks {
  const char* name = "";
  std::function<double(Random&)> lived_ns;
  double short_lived = 0;
};

std::vector<Blocks> all_blocks() {
  return {
      {"scratch", [](Random& random) { return exponential(random, 20e3); }, 1},
      {"around a millisecond", [](Random& random) { return exponential(random, 1e6); },
       1 - std::exp(-1.0)},
      {"a request's", [](Random& random) { return exponential(random, 30e6); },
       1 - std::exp(-1.0 / 30)},
      {"half scratch, half for ever",
       [](Random& random) {
         return std::bernoulli_distribution(0.5)(random) ? exponential(random, 10e3) : 1e15;
       },
       0.5},
      {"a wide spread",
       [](Random& random) { return std::lognormal_distribution<double>(std::log(3e5), 3)(random); },
       0.5 * std::erfc(-std::log(1e6 / 3e5) / 3 / std::numbers::sqrt2)},
      {"for ever", [](Random&) { return 1e15; }, 0},
  };
}

// `each` blocks are made at random times of each of so many windows.
std::vector<AllocLife> lives_of(const Blocks& blocks, std::size_t windows, int each,
                                double length_ns, Random& random) {
  std::vector<AllocLife> lives;
  std::uniform_real_distribution<double> born(0, length_ns);
  for (std::size_t window = 0; window < windows; ++window)
    for (int i = 0; i < each; ++i) {
      const double lives_for = blocks.lived_ns(random);
      const double seen_for = length_ns - born(random);
      lives.push_back({.stack = 1,
                       .bytes = 64,
                       .window_ns = window + 1,
                       .weight = 3,
                       .lived_ns = static_cast<std::uint64_t>(std::min(lives_for, seen_for)),
                       .ended = lives_for <= seen_for,
                       .elsewhere = false,
                       .call_ns = 500});
    }
  return lives;
}

TEST(Lifetimes, ShortLivedShareIsWithinFivePoints) {
  constexpr int kRuns = 200;
  Random random(4711);
  for (const Blocks& blocks : all_blocks()) {
    int close = 0;
    int covered = 0;
    for (int run = 0; run < kRuns; ++run) {
      const Lifetimes found = lifetimes_of(lives_of(blocks, 8, 100, 5e6, random));
      ASSERT_TRUE(found.short_lived.has_value()) << blocks.name;
      close += std::abs(found.short_lived->estimate - blocks.short_lived) <= 0.05 ? 1 : 0;
      covered += found.short_lived->low <= blocks.short_lived &&
                         found.short_lived->high >= blocks.short_lived
                     ? 1
                     : 0;
    }
    EXPECT_GE(close, 0.97 * kRuns) << blocks.name;
    EXPECT_GE(covered, 0.92 * kRuns) << blocks.name;
  }
}

// Counting only what ended would call nearly all of these short-lived; counting what did not as
// long-lived would call too few so.
TEST(Lifetimes, BlocksThatOutliveTheWindowCount) {
  Random random(1);
  const Blocks blocks = all_blocks().at(1);
  const std::vector<AllocLife> lives = lives_of(blocks, 40, 200, 2e6, random);
  double ended = 0;
  double ended_soon = 0;
  for (const AllocLife& life : lives) {
    ended += life.ended ? 1 : 0;
    ended_soon += life.ended && life.lived_ns <= 1'000'000 ? 1 : 0;
  }
  const auto all = static_cast<double>(lives.size());
  EXPECT_GT(ended_soon / ended, blocks.short_lived + 0.1);
  EXPECT_LT(ended_soon / all, blocks.short_lived - 0.1);
  EXPECT_NEAR(lifetimes_of(lives).short_lived.value().estimate, blocks.short_lived, 0.05);
}

// Blocks of one window end together: many of them say no more than one.
TEST(Lifetimes, IntervalComesFromWindowsNotFromBlocks) {
  constexpr int kRuns = 200;
  Random random(7);
  int covered = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<AllocLife> lives;
    for (std::size_t window = 0; window < 12; ++window) {
      const bool soon = std::bernoulli_distribution(0.5)(random);
      for (int i = 0; i < 100; ++i)
        lives.push_back(
            {.window_ns = window + 1, .lived_ns = soon ? 1000U : 4'000'000U, .ended = soon});
    }
    const Estimate share = lifetimes_of(lives).short_lived.value();
    covered += share.low <= 0.5 && share.high >= 0.5 ? 1 : 0;
  }
  EXPECT_GE(covered, 0.9 * kRuns);
}

TEST(Lifetimes, WindowsShorterThanAMillisecondLeaveTheShareOpen) {
  Random random(3);
  const Lifetimes scratch = lifetimes_of(lives_of(all_blocks().at(0), 8, 100, 4e5, random));
  ASSERT_TRUE(scratch.short_lived.has_value());
  EXPECT_GE(scratch.short_lived->high, 0.99);
  const Lifetimes slow = lifetimes_of(lives_of(all_blocks().at(1), 8, 100, 4e5, random));
  EXPECT_FALSE(slow.short_lived.has_value());
  EXPECT_LT(slow.known_to_ns, 4e5);
}

TEST(Lifetimes, TooFewSayNothing) {
  Random random(3);
  const Lifetimes found = lifetimes_of(lives_of(all_blocks().at(0), 1, 19, 4e6, random));
  EXPECT_FALSE(found.short_lived.has_value());
  EXPECT_EQ(found.followed, 19U);
  EXPECT_FALSE(lifetimes_of({}).short_lived.has_value());
}

// Of blocks that end, every third elsewhere, whatever is still alive when windows close.
TEST(Lifetimes, SharesOfThoseFreedByAnotherThread) {
  Random random(5);
  std::vector<AllocLife> lives = lives_of(all_blocks().at(1), 20, 150, 5e6, random);
  for (std::size_t i = 0; i < lives.size(); ++i) lives[i].elsewhere = lives[i].ended && i % 3 == 0;
  EXPECT_NEAR(lifetimes_of(lives).elsewhere_share.value(), 1.0 / 3, 0.04);
}

TEST(Lifetimes, PercentilesEndWhereWindowsDo) {
  Random random(9);
  const Lifetimes found = lifetimes_of(lives_of(all_blocks().at(3), 20, 200, 5e6, random));
  EXPECT_NEAR(found.percentile(0.25).value(), 10e3 * std::log(2), 1e3);
  EXPECT_FALSE(found.percentile(0.9).has_value());
  EXPECT_NEAR(static_cast<double>(found.histogram.count()), 0.5 * 4000, 0.05 * 4000);
}

TEST(Latency, FloorIsSubtracted) {
  std::vector<AllocLife> lives(100, AllocLife{.call_ns = 700});
  const CallLatency fast = latency_of(lives, 650);
  EXPECT_FALSE(fast.is_clear());
  EXPECT_NEAR(fast.mean_ns, 50, 1);
  for (AllocLife& life : lives) life.call_ns = 5650;
  const CallLatency slow = latency_of(lives, 650);
  EXPECT_TRUE(slow.is_clear());
  EXPECT_NEAR(slow.p50_ns(), 5000, 5000 * 0.125);
}

}  // namespace
}  // namespace cw
