#include "analysis/uncontended.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace cw {
namespace {

constexpr std::uint64_t kHot = 0x1000;    // waited for
constexpr std::uint64_t kFirst = 0x8000;  // of those that nobody waits for
constexpr std::uint64_t kWindowNs = 2'000'000;

SectionContext context_with_hot() {
  SectionContext context;
  context.costs.hit_ns = 700;
  context.busy = 1;
  context.runnable = 0;
  context.waited.insert(kHot + 4);  // a word in it
  return context;
}

// Calls of a lock that were seen to take it and let it go.
void take(SectionWindow& window, std::uint64_t address, std::uint64_t times, double slowed) {
  for (LockWindow* const lock : {&window.locks[address], &window.all}) {
    lock->asks += times;
    lock->releases += times;
    lock->slowed = slowed;
  }
}

SectionWindow window_at(int turn) {
  SectionWindow window;
  window.open_ns = 100'000'000ULL * static_cast<std::uint64_t>(turn);
  window.length_ns = kWindowNs;
  window.threads = 1;
  return window;
}

// Each of a thousand locks is taken five times a second: most windows miss it.
TEST(Uncontended, TheSumOfManyLocksIsRightThoughEachIsHardlyMet) {
  std::mt19937 random(7);
  std::poisson_distribution<std::uint64_t> met(1'000 * 5 * 0.002);
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 60; ++i) {
    windows.push_back(window_at(i));
    take(windows.back(), kHot, 40, 0);
    for (std::uint64_t count = met(random); count > 0; --count)
      take(windows.back(), kFirst + 64 * (random() % 1'000), 1, 0);
  }
  const auto sum = uncontended_locks(windows, {}, context_with_hot());
  ASSERT_TRUE(sum);
  EXPECT_NEAR(sum->acquisitions_per_s.estimate, 5'000, 750);
  EXPECT_LE(sum->acquisitions_per_s.low, 5'000);
  EXPECT_GE(sum->acquisitions_per_s.high, 5'000);
  EXPECT_GT(sum->met, 300U);
  EXPECT_FALSE(sum->more);
  EXPECT_FALSE(sum->at_least);
}

// Now and then a thread passes many locks, which probes draw out until the window is over.
TEST(Uncontended, WhatProbesDrawOutIsALowerBound) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 40; ++i) {
    windows.push_back(window_at(i));
    take(windows.back(), kHot, 40, 0.02);
    if (i % 10 != 0) continue;
    windows.back().left_out = true;
    for (std::uint64_t lock = 0; lock < SectionWindow::kMostLocks - 1; ++lock)
      take(windows.back(), kFirst + 64 * lock, 1, 0.9);
  }
  const auto sum = uncontended_locks(windows, {}, context_with_hot());
  ASSERT_TRUE(sum);
  EXPECT_TRUE(sum->at_least);
  EXPECT_TRUE(sum->more);
}

// What probes take of a busy lock's threads is nothing to the threads that take others.
TEST(Uncontended, WhatTheOthersLoseIsNotTheirs) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 30; ++i) {
    windows.push_back(window_at(i));
    SectionWindow& window = windows.back();
    take(window, kFirst, 10, 0);
    take(window, kHot, 300, 0.5);
    window.all.slowed = 1 - 620.0 / (20 + 600 / 0.5);
  }
  const auto sum = uncontended_locks(windows, {}, context_with_hot());
  ASSERT_TRUE(sum);
  EXPECT_NEAR(sum->acquisitions_per_s.estimate, 5'000, 1);
  EXPECT_FALSE(sum->at_least);
}

TEST(Uncontended, WhatIsWaitedForIsNotAmongThem) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 20; ++i) {
    windows.push_back(window_at(i));
    take(windows.back(), kHot, 40, 0);
  }
  EXPECT_FALSE(uncontended_locks(windows, {}, context_with_hot()));
}

TEST(Uncontended, OnlyWhatIsMetOftenEnoughIsTheBusiest) {
  std::vector<SectionWindow> windows;
  for (int i = 0; i < 20; ++i) {
    windows.push_back(window_at(i));
    take(windows.back(), kFirst, 4, 0);
  }
  LockSections often;
  often.address = kFirst;
  often.acquisitions_per_s = {.estimate = 2'000, .low = 1'800, .high = 2'200};
  often.hold_mean_ns = {.estimate = 10'000, .low = 9'000, .high = 11'000};
  const auto known = uncontended_locks(windows, {often}, context_with_hot());
  ASSERT_TRUE(known && known->busiest_share);
  EXPECT_NEAR(*known->busiest_share, 0.02, 1e-9);
  LockSections once;
  once.address = kFirst + 64;
  once.acquisitions_per_s = {.estimate = 500, .low = 0, .high = 5'000};
  once.hold_mean_ns = {.estimate = 400'000, .low = 0, .high = 1e9};
  const auto sum = uncontended_locks(windows, {often, once}, context_with_hot());
  ASSERT_TRUE(sum);
  EXPECT_FALSE(sum->busiest_share);
}

TEST(Uncontended, AreClearedInOneSentence) {
  UncontendedLocks one;
  one.met = 2;
  one.acquisitions_per_s = {.estimate = 501'000, .low = 480'000, .high = 520'000};
  one.busiest_share = 0.02;
  UncontendedLocks other;
  other.met = 3'000;
  other.more = true;
  other.at_least = true;
  other.acquisitions_per_s.estimate = 1'000;
  Report report;
  clear_uncontended({one}, report);
  clear_uncontended({one, other}, report);
  clear_uncontended({}, report);
  ASSERT_EQ(report.verdict.cleared.size(), 2U);
  EXPECT_EQ(
      report.verdict.cleared[0],
      "2 locks that nobody waited for: taken 501,000 times/s, the busiest held 2 % of the time");
  EXPECT_EQ(report.verdict.cleared[1],
            "more than 3,002 locks that nobody waited for: taken at least 502,000 times/s, the "
            "busiest held 2 % of the time");
}

TEST(Uncontended, NoMoreIsSaidThanIsSure) {
  UncontendedLocks irregular;
  irregular.met = 995;
  irregular.acquisitions_per_s = {.estimate = 19'100, .low = 2'000, .high = 60'000};
  UncontendedLocks hardly = irregular;
  hardly.acquisitions_per_s.low = 0;
  Report report;
  clear_uncontended({irregular}, report);
  clear_uncontended({hardly}, report);
  EXPECT_EQ(report.verdict.cleared.at(0),
            "995 locks that nobody waited for: taken at least 2,000 times/s");
  EXPECT_EQ(report.verdict.cleared.at(1),
            "995 locks that nobody waited for: taken too irregularly to say how often");
}

}  // namespace
}  // namespace cw
