// The rate of a lock whose waits cost it time, while probes change how often there are any.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "analysis/section_estimate.h"
#include "analysis/waits_regression.h"
#include "analysis_random.h"
#include "model/section_event.h"

namespace cw {
namespace {

using test::Random;

struct Handovers {
  double call_ns = 6'000;
  double probe_ns = 1'100;
  double wait_ns = 4'000;
  double share = 0.5;  // waits a call, without probes
  double asks = 1;     // each time it is let go
  // With each kind of probes; in windows they differ as much again.
  std::array<double, kProbeSets> in_windows{0.4, 0.7, 0.4};

  [[nodiscard]] double rate() const { return 1e9 / (call_ns + share * wait_ns); }
};

WaitsWindow window_of(const Handovers& lock, ProbeSet set, Random& random) {
  const double probes = (set != kLettingGo ? lock.asks : 0) + (set != kAsking ? 1 : 0);
  const double share = lock.in_windows.at(static_cast<std::size_t>(set)) *
                       std::uniform_real_distribution<double>(0.3, 1.7)(random);
  const double each_ns = lock.call_ns + probes * lock.probe_ns + share * lock.wait_ns;
  const double length_ns = 5e6;
  const double calls =
      std::round(length_ns / each_ns * std::normal_distribution<double>(1, 0.01)(random));
  return {.set = set,
          .length_ns = length_ns,
          .calls = set == kAsking ? std::round(calls * lock.asks) : calls,
          .asks = set == ProbeSet::kBoth ? std::round(calls * lock.asks) : 0,
          .waits = static_cast<double>(
              std::poisson_distribution<std::uint64_t>(calls * share + 1e-9)(random))};
}

std::vector<WaitsWindow> windows_of(const Handovers& lock, int of_each, Random& random) {
  std::vector<WaitsWindow> windows;
  for (int i = 0; i < of_each; ++i)
    for (const ProbeSet set : {ProbeSet::kAllocs, ProbeSet::kFrees, ProbeSet::kBoth})
      windows.push_back(window_of(lock, set, random));
  return windows;
}

// The time per call that takes its turns over the sets, as if nothing but the probes' cost
// differed.
double without_waits(const std::vector<WaitsWindow>& windows) {
  std::array<double, kProbeSets> time{};
  std::array<double, kProbeSets> calls{};
  for (const WaitsWindow& window : windows) {
    time.at(static_cast<std::size_t>(window.set)) += window.length_ns;
    calls.at(static_cast<std::size_t>(window.set)) += window.calls;
  }
  return 1e9 / (time[0] / calls[0] + time[1] / calls[1] - time[2] / calls[2]);
}

TEST(WaitsRegression, CoversWhatProbesChange) {
  constexpr int kRuns = 200;
  const Handovers lock;
  Random random(17);
  int covered = 0;
  double error = 0;
  double blind = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto windows = windows_of(lock, 12, random);
    const auto rate = rate_by_waits(windows, lock.share * lock.rate());
    ASSERT_TRUE(rate);
    covered += rate->low <= lock.rate() && lock.rate() <= rate->high ? 1 : 0;
    error += std::abs(rate->estimate / lock.rate() - 1) / kRuns;
    blind += (without_waits(windows) / lock.rate() - 1) / kRuns;
  }
  EXPECT_GE(covered, 180);
  EXPECT_LE(covered, 199) << "so wide that it says nothing";
  EXPECT_LT(error, 0.02);
  EXPECT_LT(blind, -0.05) << "what makes the waits worth counting";
}

// Taken three times over, and let go as often, of which the last time counts.
TEST(WaitsRegression, CountsAcquisitionsAndNotWhatAsks) {
  Random random(23);
  const Handovers lock{.asks = 3};
  double error = 0;
  for (int run = 0; run < 20; ++run) {
    const auto rate = rate_by_waits(windows_of(lock, 12, random), lock.share * lock.rate());
    ASSERT_TRUE(rate);
    error += (rate->estimate / lock.rate() - 1) / 20;
  }
  EXPECT_NEAR(error, 0, 0.02);
}

// A buffer that was full ended it early, while waits were counted on.
TEST(WaitsRegression, WindowThatWasCutShortHasNoSay) {
  constexpr std::uint64_t kFoughtFor = 0x7000;
  Random random(31);
  const Handovers lock;
  std::vector<SectionWindow> windows;
  for (const WaitsWindow& counted : windows_of(lock, 12, random)) {
    SectionWindow window;
    window.open_ns = windows.size() * 100'000'000;
    window.length_ns = static_cast<std::uint64_t>(counted.length_ns);
    window.set = counted.set;
    LockWindow& seen = window.locks[kFoughtFor];
    seen.asks = static_cast<std::uint64_t>(counted.set == kLettingGo ? 0 : counted.calls);
    seen.releases = static_cast<std::uint64_t>(counted.set == kAsking ? 0 : counted.calls);
    seen.begun = counted.set == ProbeSet::kBoth ? seen.asks : 0;
    seen.waits = static_cast<std::uint64_t>(counted.waits);
    windows.push_back(std::move(window));
  }
  SectionContext context;
  context.counted[kFoughtFor].waits_per_s = lock.share * lock.rate();
  const auto whole = estimate_sections(windows, context);
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_NEAR(whole[0].acquisitions_per_s.estimate / lock.rate(), 1, 0.1);
  context.counted[kFoughtFor].wakes_per_s = 2 * whole[0].acquisitions_per_s.high;
  EXPECT_TRUE(estimate_sections(windows, context).empty()) << "its wakes rule the windows out";
  context.counted[kFoughtFor].wakes_per_s = 0;
  SectionWindow cut = windows.back();
  cut.cut_short = true;
  cut.locks[kFoughtFor].waits *= 100;
  windows.push_back(cut);
  const auto with_cut = estimate_sections(windows, context);
  ASSERT_EQ(with_cut.size(), 1U);
  EXPECT_EQ(with_cut[0].acquisitions_per_s.estimate, whole[0].acquisitions_per_s.estimate);
}

// Threads that are paced from outside: as many calls in each window, however many of them waited.
TEST(WaitsRegression, SaysNothingWhereWaitsTakeNoTime) {
  Random random(3);
  int said = 0;
  for (int run = 0; run < 100; ++run) {
    const auto windows = windows_of({.probe_ns = 0, .wait_ns = 0}, 12, random);
    said += rate_by_waits(windows, 40e3) ? 1 : 0;
  }
  EXPECT_LT(said, 6);
}

TEST(WaitsRegression, SaysNothingFromTooLittle) {
  Random random(5);
  const Handovers lock;
  const double waits_per_s = lock.share * lock.rate();
  EXPECT_FALSE(rate_by_waits({}, waits_per_s));
  EXPECT_FALSE(rate_by_waits(windows_of(lock, 3, random), waits_per_s)) << "three of each set";
  auto one_set = windows_of(lock, 12, random);
  std::erase_if(one_set, [](const WaitsWindow& window) { return window.set != ProbeSet::kBoth; });
  EXPECT_FALSE(rate_by_waits(one_set, waits_per_s));
  const std::vector<WaitsWindow> empty(
      36, {.set = ProbeSet::kBoth, .length_ns = 0, .calls = 0, .asks = 0, .waits = 0});
  EXPECT_FALSE(rate_by_waits(empty, waits_per_s));
  std::vector<WaitsWindow> alike;
  alike.reserve(36);
  for (int i = 0; i < 36; ++i)
    alike.push_back(
        {.set = static_cast<ProbeSet>(i % 3), .length_ns = 1e6, .calls = 100, .waits = 100});
  EXPECT_FALSE(rate_by_waits(alike, waits_per_s)) << "whose time it is cannot be told";
}

}  // namespace
}  // namespace cw
