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

void add(SectionWindow& window, const Work& work, std::uint32_t first_tid = 1) {
  for (std::uint32_t tid = first_tid; tid < first_tid + work.threads; ++tid) {
    std::uint64_t calls = 0;
    if (window.set != kLettingGo) calls += work.asks;
    if (window.set != kAsking) calls += work.releases;
    const std::uint64_t hits = calls + work.others;
    window.hits += hits;
    window.hits_of[tid] = {.hits = hits, .probes_ns = static_cast<double>(hits) * kRatedHitNs};
    if (calls == 0) continue;
    LockWindow& lock = window.locks[kRatedLock];
    lock.calls_of[tid] = calls;
    if (window.set != kLettingGo) lock.asks += work.asks;
    if (window.set != kAsking) lock.releases += work.releases;
  }
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

// One window in six is all of a thread that takes other locks; what it does takes it next to no
// time without probes.
TEST(LockRate, WhoHoldsItUpPassingOtherProbes) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 24; ++i) {
    SectionWindow window = window_of(kTurns.at(static_cast<std::size_t>(i) % 3),
                                     {.threads = 4, .asks = 25, .releases = 25});
    if (i % 6 == 5) {
      window = window_of(window.set, {});
      add(window, {.threads = 1, .others = kRatedNs / 1'000}, 9);
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
    add(windows[i], {.threads = 1, .others = kRatedNs / 1'000}, 9);
  const Estimate rate = rate_of(windows, {.threads = 5, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000, 400);
}

// A lock that is hardly taken in one window of six, for reasons of its own, is taken as seldom.
TEST(LockRate, PausesOfItsOwnCount) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 24; ++i)
    windows.push_back(i % 6 == 5
                          ? window_of(ProbeSet::kBoth, {.threads = 1, .others = 10})
                          : window_of(ProbeSet::kBoth, {.threads = 4, .asks = 25, .releases = 25}));
  const Estimate rate = rate_of(windows, {.threads = 4, .busy_share = 0});
  EXPECT_NEAR(rate.estimate, 20'000 * 5 / 6., 400);
}

// Of 200 observations of a lock that is taken by chance, at least 180 have the truth in their
// interval; no matter how rare it is.
TEST(LockRate, IntervalsCoverWhatIsByChance) {
  for (const double per_window : {0.5, 5., 50.}) {
    std::mt19937_64 random(1);
    std::poisson_distribution<std::uint64_t> drawn(per_window);
    const double truth = per_window * 1e9 / static_cast<double>(kRatedNs);
    int covered = 0;
    for (int i = 0; i < 200; ++i) {
      std::vector<SectionWindow> windows;
      for (int n = 0; n < 24; ++n) {
        const std::uint64_t calls = drawn(random);
        windows.push_back(window_of(ProbeSet::kBoth, {.asks = calls, .releases = calls}));
      }
      const auto rate = lock_rate(windows, kRatedLock, {.threads = 1, .busy_share = 0}, kKnown);
      if (rate && rate->low <= truth && truth <= rate->high) ++covered;
    }
    EXPECT_GE(covered, 180) << per_window << " a window";
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
