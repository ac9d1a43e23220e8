// How often a lock is taken, from windows whose probes took a known part of their time.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "analysis/lock_rate.h"

namespace cw {
namespace {

constexpr std::uint64_t kRatedLock = 0x1000;
constexpr double kRatedHitNs = 1'000;
constexpr std::uint64_t kRatedNs = 5'000'000;
constexpr std::array kTurns{kAsking, kLettingGo, ProbeSet::kBoth};

// What each of `threads` did in a window: it asked for the lock and let it go, and passed as many
// probes more for others.
struct Work {
  std::uint32_t threads = 1;
  std::uint64_t asks = 0;
  std::uint64_t releases = 0;
  std::uint64_t others = 0;
};

// As sections_in() has it. One kind of work a window, and one that does not take the lock.
void add(SectionWindow& window, const Work& work) {
  std::uint64_t calls = 0;
  if (window.set != kLettingGo) calls += work.asks;
  if (window.set != kAsking) calls += work.releases;
  const double each_ns = static_cast<double>(calls + work.others) * kRatedHitNs;
  window.hits += work.threads * (calls + work.others);
  window.threads += work.threads;
  window.busiest_ns = std::max(window.busiest_ns, each_ns);
  if (calls == 0) return;
  LockWindow& lock = window.locks[kRatedLock];
  lock.calls_ns = static_cast<double>(work.threads * calls) * kRatedHitNs;
  lock.slowed = std::min(0.9, each_ns / static_cast<double>(kRatedNs));
  if (window.set != kLettingGo) lock.asks = work.threads * work.asks;
  if (window.set != kAsking) lock.releases = work.threads * work.releases;
}

SectionWindow window_of(ProbeSet set, const Work& work) {
  SectionWindow window;
  window.set = set;
  window.length_ns = kRatedNs;
  add(window, work);
  return window;
}

std::vector<SectionWindow> by_turns(int rounds, const Work& work) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < rounds; ++i)
    for (const ProbeSet set : kTurns) windows.push_back(window_of(set, work));
  return windows;
}

constexpr AllocContext kKnown{.hit_ns = kRatedHitNs, .on_cpu = 1, .runnable = 0};

Estimate rate_of(const std::vector<SectionWindow>& windows, const LockUse& use) {
  const auto rate = lock_rate(windows, kRatedLock, use, kKnown);
  EXPECT_TRUE(rate);
  return rate.value_or(Estimate());
}

// 4 x 25 in 5 ms: 20,000 a second, and of the time 100 to 200 hits take 2.7 % on average.
TEST(LockRate, WhereNobodyWaitsAThreadLosesItsOwnTime) {
  const Estimate rate = rate_of(by_turns(4, {.threads = 4, .asks = 25, .releases = 25}),
                                {.threads = 4, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000 / (1 - 1.5 * 0.0267 / 4), 5);
  EXPECT_LT(rate.low, 20'000);
  EXPECT_GT(rate.low, 0.95 * 20'000) << "nothing scatters";
  EXPECT_LT(rate.high, 1.05 * 20'000);
}

TEST(LockRate, WhereSomebodyAlwaysWaitsAllDo) {
  const Estimate rate = rate_of(by_turns(4, {.threads = 4, .asks = 25, .releases = 25}),
                                {.threads = 4, .busy_share = 1});
  EXPECT_NEAR(rate.estimate, 20'000 / (1 - 0.0267), 5);
  EXPECT_LT(rate.low, 20'000) << "they may make up for it";
  EXPECT_GT(rate.high, 20'000 / (1 - 1.7 * 0.0267)) << "or more";
}

// Half of the calls that ask do not get it.
TEST(LockRate, IsOfAcquisitions) {
  const Estimate rate = rate_of(by_turns(4, {.threads = 4, .asks = 50, .releases = 25}),
                                {.threads = 4, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000, 400);
}

// Threads that have it again after waiting for a condition only let it go: windows that see nothing
// but what asks for a lock tell nothing of it.
TEST(LockRate, WindowsThatSayNothingAreNoTime) {
  const Estimate rate = rate_of(by_turns(8, {.threads = 4, .asks = 0, .releases = 25}),
                                {.threads = 4, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000, 400);
}

// One window in six is all of a thread that takes other locks; what it does takes it next to no
// time without probes.
TEST(LockRate, WhoHoldsItUpPassingOtherProbes) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 24; ++i) {
    SectionWindow window = window_of(kTurns.at(static_cast<std::size_t>(i) % 3),
                                     {.threads = 4, .asks = 25, .releases = 25});
    if (i % 6 == 5) {
      window = window_of(window.set, {});
      add(window, {.threads = 1, .others = kRatedNs / 1'000});
    }
    windows.push_back(std::move(window));
  }
  const Estimate rate = rate_of(windows, {.threads = 5, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000, 400);
}

// The same thread, but the lock is taken as ever: it is no part of it.
TEST(LockRate, WhoPassesOtherProbesBeside) {
  std::vector<SectionWindow> windows = by_turns(8, {.threads = 4, .asks = 25, .releases = 25});
  for (std::size_t i = 5; i < windows.size(); i += 6)
    add(windows[i], {.threads = 1, .others = kRatedNs / 1'000});
  const Estimate rate = rate_of(windows, {.threads = 5, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000, 400);
}

// A lock that is hardly taken in one window of six, for reasons of its own, is taken as seldom.
TEST(LockRate, PausesOfItsOwnCount) {
  std::vector<SectionWindow> windows(
      24, window_of(ProbeSet::kBoth, {.threads = 4, .asks = 25, .releases = 25}));
  for (std::size_t i = 5; i < windows.size(); i += 6)
    windows[i] = window_of(ProbeSet::kBoth, {.threads = 1, .others = 10});
  const Estimate rate = rate_of(windows, {.threads = 4, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000 * 5 / 6., 400);
}

// What its thread loses to probes for locks within this one, more than a fifth of its time, is lost
// to this one, too.
TEST(LockRate, OfAnOuterLock) {
  const Estimate rate = rate_of(by_turns(8, {.asks = 100, .releases = 100, .others = 1'000}),
                                {.threads = 1, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000 / (1 - 0.227), 200);
  EXPECT_LT(rate.low, 20'000 * 1.01);
}

// One thread of ten takes it all the time, with 0.2 us of its own beside each probe.
TEST(LockRate, ThreadsThatAreSlowedCountAsMuchAsTheyCall) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 24; ++i) {
    const ProbeSet set = kTurns.at(static_cast<std::size_t>(i) % 3);
    const std::uint64_t calls = set == ProbeSet::kBoth ? 2'272 : 4'166;
    windows.push_back(window_of(set, {.asks = calls, .releases = calls}));
    windows.back().threads = 10;
  }
  const auto rate = lock_rate(windows, kRatedLock, {.threads = 10, .busy_share = 0}, kKnown);
  EXPECT_TRUE(!rate || rate->high > 4e6);
}

// One window of 24 had all that there was: as well there might have been none.
TEST(LockRate, OneBurst) {
  std::vector<SectionWindow> windows(23, window_of(ProbeSet::kBoth, {.others = 1}));
  windows.push_back(window_of(ProbeSet::kBoth, {.asks = 500, .releases = 500}));
  EXPECT_EQ(rate_of(windows, {}).low, 0);
}

TEST(LockRate, SingleSteppedProbesAreNotReckonedWith) {
  std::vector<SectionWindow> windows = by_turns(8, {.threads = 4, .asks = 25, .releases = 25});
  const Estimate before = rate_of(windows, {.threads = 4, .busy_share = 1});
  for (SectionWindow& window : windows) window.stepped = true;
  const Estimate stepped = rate_of(windows, {.threads = 4, .busy_share = 1});
  EXPECT_NE(before.estimate, stepped.estimate);
  EXPECT_NEAR(stepped.estimate, 20'000, 1'000);
}

// Of 200 observations of a lock that is taken by chance, at least 180 have the truth in their
// interval; no matter how rare it is.
TEST(LockRate, IntervalsCoverWhatIsByChance) {
  for (const double per_window : {0.2, 5., 50.}) {
    std::mt19937_64 random(1);
    std::poisson_distribution<std::uint64_t> drawn(per_window);
    const double truth = per_window * 1e9 / static_cast<double>(kRatedNs);
    int covered = 0;
    double width = 0;  // of the intervals, mean, in truths
    for (int i = 0; i < 200; ++i) {
      std::vector<SectionWindow> windows;
      for (int n = 0; n < 24; ++n) {
        const std::uint64_t calls = drawn(random);
        windows.push_back(window_of(ProbeSet::kBoth, {.asks = calls, .releases = calls}));
      }
      const auto rate = lock_rate(windows, kRatedLock, {.threads = 1, .busy_share = 0}, kKnown);
      if (rate && rate->low <= truth && truth <= rate->high) ++covered;
      if (rate) width += (rate->high - rate->low) / truth / 200;
    }
    EXPECT_GE(covered, 180) << per_window << " a window";
    EXPECT_LT(width, 0.1 + 8 / std::sqrt(24 * per_window)) << per_window << " a window";
  }
}

// Each thread does nothing but pass probes, of which a pair takes 2 us beside 1 us of its own.
TEST(LockRate, OfAFastLockIsExtrapolated) {
  std::vector<SectionWindow> windows;
  for (std::uint64_t i = 0; i < 12; ++i) {
    windows.push_back(window_of(kAsking, {.asks = 2'500 + i % 2, .releases = 2'500}));
    windows.push_back(window_of(kLettingGo, {.asks = 2'500, .releases = 2'500 + i % 3}));
    windows.push_back(window_of(ProbeSet::kBoth, {.asks = 1'667, .releases = 1'667}));
  }
  const Estimate rate = rate_of(windows, {.threads = 1, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 1e6, 1e4);
}

TEST(LockRate, OfTooLittleNothingIsSaid) {
  EXPECT_FALSE(lock_rate({}, kRatedLock, {}, kKnown));
  EXPECT_FALSE(lock_rate(by_turns(1, {.asks = 5, .releases = 5}), kRatedLock, {}, kKnown));
  const Estimate never = rate_of(by_turns(4, {.others = 5}), {});
  EXPECT_EQ(never.low, 0);
  EXPECT_LT(never.high, 200) << "three in 60 ms may be unseen";
}

}  // namespace
}  // namespace cw
