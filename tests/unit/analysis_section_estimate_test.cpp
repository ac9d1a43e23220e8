// Rates and holds from windows, against a simulated process whose locks are known exactly.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "analysis/jackknife.h"
#include "analysis/section_estimate.h"
#include "analysis_random.h"

namespace cw {
namespace {

using test::Draw;
using test::Random;

constexpr std::uint64_t kLockAddress = 0x1000;
constexpr double kHitNs = 700;
constexpr double kFloorNs = 600;

Draw exponential(double mean) {
  return [mean](Random& random) { return test::exponential(random, mean); };
}
Draw always(double ns) {
  return [ns](Random&) { return ns; };
}

// One thread that takes the lock, holds it, and works outside; probes make it slower.
class LockingProcess {
 public:
  LockingProcess(Draw hold, Draw pause, std::uint64_t seed)
      : hold_(std::move(hold)), pause_(std::move(pause)), random_(seed) {}

  // Works without probes for a while, so that windows open at any time.
  SectionRecord window(ProbeSet set, std::uint64_t length_ns) {
    std::exponential_distribution<double> gap(1 / 30e6);
    run_until(now_ + gap(random_), nullptr, ProbeSet::kBoth);
    SectionRecord record{.open_ns = static_cast<std::uint64_t>(now_),
                         .length_ns = length_ns,
                         .set = set,
                         .stacks_one_in = 4,
                         .events = {},
                         .waiting = {}};
    run_until(now_ + static_cast<double>(length_ns), &record, set);
    return record;
  }

 private:
  // Goes on with what it was doing: the rest of a hold or of a pause.
  void run_until(double end, SectionRecord* record, ProbeSet set) {
    while (now_ + left_ <= end) {
      now_ += left_;
      const bool takes = !holds_;
      const bool probed = record != nullptr && set != (takes ? kLettingGo : kAsking);
      if (probed) now_ += takes ? kHitNs - kFloorNs / 2 : kFloorNs / 2;
      if (probed && now_ < end) note(*record, takes);
      if (probed) now_ += takes ? kFloorNs / 2 : kHitNs - kFloorNs / 2;
      holds_ = takes;
      left_ = takes ? hold_(random_) : pause_(random_);
    }
    left_ -= std::max(0.0, end - now_);
    now_ = std::max(now_, end);
  }

  void note(SectionRecord& record, bool takes) {
    SectionEvent event;
    event.time_ns = static_cast<std::uint64_t>(now_);
    event.call = takes ? SectionCall::kLock : SectionCall::kUnlock;
    event.lock = kLockAddress;
    event.tid = 1;
    if (takes && random_() % 4 == 0) event.stack = random_() % 4 == 0 ? 7 : 8;
    record.events.push_back(event);
  }

  Draw hold_;
  Draw pause_;
  Random random_;
  double now_ = 1e6;
  bool holds_ = false;
  double left_ = 0;
};

LockSections estimate(LockingProcess process, std::uint64_t length_ns, int windows, bool by_turns,
                      double wakes_per_s = 0) {
  constexpr SectionCosts kCosts{.hit_ns = kHitNs, .floor_ns = kFloorNs, .stack_ns = 0, .cold = {}};
  constexpr std::array kSets{kAsking, kLettingGo, ProbeSet::kBoth};
  std::vector<SectionWindow> seen;
  seen.reserve(static_cast<std::size_t>(windows));
  for (int i = 0; i < windows; ++i)
    seen.push_back(sections_in(
        process.window(by_turns ? kSets.at(static_cast<std::size_t>(i) % 3) : ProbeSet::kBoth,
                       length_ns),
        kCosts));
  SectionContext context;
  context.costs = kCosts;
  context.busy = 1;
  context.runnable = 0;
  context.counted[kLockAddress] = {.wakes_per_s = wakes_per_s, .busy_share = 0};
  const std::vector<LockSections> all = estimate_sections(seen, context);
  EXPECT_EQ(all.size(), 1U);
  return all.empty() ? LockSections() : all.front();
}

bool covers(const Estimate& estimate, double truth) {
  return estimate.low <= truth && truth <= estimate.high;
}

// How many of so many simulated observations have the truth in their interval.
struct SectionCoverage {
  int rate = 0;
  int hold = 0;
  double rate_error = 0;  // mean, relative
  double hold_error = 0;
};

SectionCoverage cover(const Draw& hold, double hold_mean, const Draw& pause, double pause_mean,
                      std::uint64_t length_ns, int windows, bool by_turns) {
  constexpr int kTimes = 40;
  SectionCoverage coverage;
  const double rate = 1e9 / (hold_mean + pause_mean);
  for (int i = 0; i < kTimes; ++i) {
    const LockSections seen =
        estimate(LockingProcess(hold, pause, static_cast<std::uint64_t>(i) + 1), length_ns, windows,
                 by_turns);
    coverage.rate += covers(seen.acquisitions_per_s, rate) ? 1 : 0;
    coverage.hold += covers(seen.hold_mean_ns, hold_mean) ? 1 : 0;
    coverage.rate_error += std::abs(seen.acquisitions_per_s.estimate / rate - 1) / kTimes;
    coverage.hold_error += std::abs(seen.hold_mean_ns.estimate / hold_mean - 1) / kTimes;
  }
  return coverage;
}

TEST(SectionEstimate, SlowLockNeedsNoExtrapolation) {
  const SectionCoverage coverage =
      cover(exponential(20e3), 20e3, exponential(80e3), 80e3, 20'000'000, 16, false);
  EXPECT_GE(coverage.rate, 34);
  EXPECT_GE(coverage.hold, 34);
  EXPECT_LT(coverage.rate_error, 0.04);
  EXPECT_LT(coverage.hold_error, 0.06);
}

// The probes take half of its time.
TEST(SectionEstimate, BusyLockIsExtrapolated) {
  const SectionCoverage coverage =
      cover(exponential(500), 500, exponential(1'000), 1'000, 1'000'000, 48, true);
  EXPECT_GE(coverage.rate, 34);
  EXPECT_GE(coverage.hold, 34);
  EXPECT_LT(coverage.rate_error, 0.05);
  EXPECT_LT(coverage.hold_error, 0.05);
}

TEST(SectionEstimate, HoldsAsLongAsTheWindow) {
  const SectionCoverage coverage =
      cover(exponential(5e6), 5e6, exponential(5e6), 5e6, 5'000'000, 200, false);
  EXPECT_GE(coverage.hold, 34);
  EXPECT_LT(coverage.hold_error, 0.30) << "of some hundred holds";
}

// What lasts longer than every window is only known to be that long, and less than all of the time.
TEST(SectionEstimate, HoldsLongerThanEveryWindow) {
  const SectionCoverage coverage =
      cover(always(50e6), 50e6, exponential(10e6), 10e6, 5'000'000, 90, false);
  EXPECT_GE(coverage.hold, 34);
  EXPECT_GE(coverage.rate, 34);
}

TEST(SectionEstimate, HoldsAndPausesThatNeverChange) {
  const SectionCoverage coverage =
      cover(always(30e3), 30e3, always(70e3), 70e3, 20'000'000, 16, false);
  EXPECT_GE(coverage.hold, 38) << "nothing scatters";
  EXPECT_LT(coverage.rate_error, 0.02);
  EXPECT_LT(coverage.hold_error, 0.01);
}

TEST(SectionEstimate, TheMedianIsOfWhatWasSeenToEnd) {
  const LockSections seen =
      estimate(LockingProcess(always(20e3), exponential(80e3), 3), 20'000'000, 16, false);
  EXPECT_NEAR(static_cast<double>(seen.hold.histogram.percentile(0.5)), 20e3, 0.125 * 20e3);
  EXPECT_EQ(seen.hold.count, seen.hold.histogram.count());
}

// Each wake is one release: counted, where windows only sample.
TEST(SectionEstimate, AMutexIsTakenAtLeastOnceForEachWake) {
  const auto seen = [](double wakes_per_s) {
    const LockingProcess process(exponential(20e3), exponential(80e3), 5);
    return estimate(process, 20'000'000, 16, false, wakes_per_s);
  };
  const Estimate none = seen(0).acquisitions_per_s;
  const Estimate few = seen(none.low / 2).acquisitions_per_s;
  EXPECT_EQ(few.estimate, none.estimate);
  EXPECT_EQ(few.low, none.low);
  const double more = (none.estimate + none.high) / 2;
  const Estimate raised = seen(more).acquisitions_per_s;
  EXPECT_EQ(raised.low, more);
  EXPECT_EQ(raised.estimate, more);
  EXPECT_EQ(raised.high, none.high);
}

// What each hit costs in a program is not known as well as what it costs on ourselves.
TEST(SectionEstimate, AHoldWithHitsOfOtherLocksInItIsLessSure) {
  LockingProcess process(exponential(20e3), exponential(80e3), 5);
  SectionContext context;
  context.costs = {.hit_ns = kHitNs, .floor_ns = kFloorNs, .stack_ns = 0, .cold = {}};
  std::vector<SectionWindow> windows;
  windows.reserve(16);
  for (int i = 0; i < 16; ++i)
    windows.push_back(sections_in(process.window(ProbeSet::kBoth, 20'000'000), context.costs));
  const auto half = [&] {
    const Estimate mean = estimate_sections(windows, context).front().hold_mean_ns;
    return mean.estimate - mean.low;
  };
  const double without = half();
  for (SectionWindow& window : windows) {
    LockWindow& lock = window.locks.at(kLockAddress);
    lock.hits_within = 8 * lock.holds.count();
  }
  EXPECT_NEAR(half() - without, 0.4 * 8 * kHitNs, 1);
}

TEST(SectionEstimate, HoldersShareTheRateAndTheTime) {
  const LockSections seen =
      estimate(LockingProcess(exponential(20e3), exponential(80e3), 5), 20'000'000, 16, false);
  ASSERT_EQ(seen.holders.size(), 2U);
  double shares = 0;
  double rate = 0;
  for (const SectionHolder& holder : seen.holders) {
    shares += holder.share;
    rate += holder.acquisitions_per_s;
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_NEAR(rate, seen.acquisitions_per_s.estimate, 1e-6 * rate);
  EXPECT_EQ(seen.holders[0].stack, 8U) << "three of four";
  EXPECT_NEAR(seen.holders[0].share, 0.75, 0.15);
  EXPECT_EQ(seen.threads, 1U);
}

double half_of(const LockSections& seen, const SectionHolder& holder) {
  std::vector<double> all(holder.held_ns.size());
  for (const SectionHolder& one : seen.holders)
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += one.held_ns[i];
  return half_interval_of_share(holder.held_ns, all);
}

// A lock that is taken once in 20 ms, in windows of 2 ms: some four are seen, one of them with a
// stack.
TEST(SectionEstimate, OneOrTwoStacksNameNoHolder) {
  const LockSections seen =
      estimate(LockingProcess(exponential(20e3), exponential(20e6), 3), 2'000'000, 40, false);
  EXPECT_GT(seen.acquisitions_per_s.high, 50);
  EXPECT_TRUE(seen.holders.empty());
}

TEST(SectionEstimate, IntervalsOfSharesCover) {
  constexpr int kTimes = 100;
  int covered = 0;
  double widths = 0;
  for (int seed = 0; seed < kTimes; ++seed) {
    const LockSections seen = estimate(
        LockingProcess(exponential(20e3), exponential(80e3), static_cast<std::uint64_t>(seed)),
        5'000'000, 12, false);
    const auto holder = std::ranges::find(seen.holders, 8U, &SectionHolder::stack);
    ASSERT_NE(holder, seen.holders.end());
    const double half = half_of(seen, *holder);
    covered += std::abs(holder->share - 0.75) <= half ? 1 : 0;
    widths += 2 * half / kTimes;
  }
  EXPECT_GE(covered, 88);
  EXPECT_LT(widths, 0.4);
}

TEST(SectionEstimate, OneWindowTellsNoShare) {
  const SectionContext context;
  LockingProcess process(exponential(20e3), exponential(80e3), 5);
  std::vector<SectionWindow> windows;
  windows.reserve(12);
  for (int i = 0; i < 12; ++i)
    windows.push_back(sections_in(process.window(ProbeSet::kBoth, 5'000'000), context.costs));
  for (std::size_t i = 1; i < windows.size(); ++i) windows[i].locks.at(kLockAddress).holders = {};
  const LockSections seen = estimate_sections(windows, context).front();
  ASSERT_FALSE(seen.holders.empty());
  EXPECT_FALSE(std::isfinite(half_of(seen, seen.holders.front())));
}

// Threads that lack a CPU run in gusts, which windows meet or miss.
TEST(SectionEstimate, CrowdedThreadsWhereWindowsMissThem) {
  SectionContext context;
  context.busy = 0.2;
  context.runnable = 1;
  LockingProcess process(exponential(20e3), exponential(80e3), 1);
  std::vector<SectionWindow> windows;
  windows.reserve(16);
  for (int i = 0; i < 16; ++i)
    windows.push_back(sections_in(process.window(ProbeSet::kBoth, 5'000'000), {}));
  EXPECT_EQ(estimate_sections(windows, context).size(), 1U);
  for (std::size_t i = 0; i < 8; ++i) windows[2 * i].locks.clear();
  EXPECT_TRUE(estimate_sections(windows, context).empty());
  context.runnable = 0;
  EXPECT_EQ(estimate_sections(windows, context).size(), 1U);
}

TEST(SectionEstimate, TooFewWindowsSayNothing) {
  LockingProcess process(exponential(20e3), exponential(80e3), 1);
  const std::vector<SectionWindow> one = {
      sections_in(process.window(ProbeSet::kBoth, 5'000'000), {})};
  EXPECT_TRUE(estimate_sections(one, {}).empty());
  EXPECT_TRUE(estimate_sections({}, {}).empty());
}

}  // namespace
}  // namespace cw
