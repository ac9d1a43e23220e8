// Estimates against simulated processes whose true rates are known.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "analysis/alloc_estimate.h"
#include "analysis_random.h"

namespace cw {
namespace {

using test::Random;

constexpr AllocContext kContext{.hit_ns = 700, .on_cpu = {}, .runnable = {}};

struct Process {
  double allocs_per_s = 0;  // with nothing attached
  double frees_per_alloc = 1;
  double alloc_probe_ns = 650;  // what the probes really cost, which the estimator is not told
  double free_probe_ns = 700;
  bool busy = true;    // probes slow it down; else it is paced from outside
  double spare = 1;    // of its time, when paced: what probes take beyond that slows it down
  double used = 1;     // of its threads' time
  double has_cpu = 1;  // share of the time; a window meets it having one, or not, or half
  // Of each window: how much faster or slower than on average the work goes.
  std::function<double(Random&)> mood = [](Random&) { return 1.0; };
};

AllocWindow window_of(const Process& process, ProbeSet set, double length_ns, Random& random) {
  const double pace = process.mood(random);
  double per_alloc = 1e9 / process.allocs_per_s / std::max(pace, 1e-9);
  if (process.busy && set != ProbeSet::kFrees) per_alloc += process.alloc_probe_ns;
  if (process.busy && set != ProbeSet::kAllocs)
    per_alloc += process.free_probe_ns * process.frees_per_alloc;
  if (!process.busy) {
    const double probes_ns = (set != ProbeSet::kFrees ? process.alloc_probe_ns : 0) +
                             (set != ProbeSet::kAllocs ? process.free_probe_ns : 0);
    per_alloc += std::max(0.0, probes_ns - process.spare * 1e9 / process.allocs_per_s);
  }
  AllocWindow window;
  window.length_ns = static_cast<std::uint64_t>(length_ns);
  window.set = set;
  if (process.has_cpu < 1) {
    length_ns *= std::bernoulli_distribution(process.has_cpu)(random) ? 1 : 0;
    window.threads = length_ns > 0 ? 1 : 0;
    window.busy_ns = static_cast<std::uint64_t>(length_ns);
  }
  const auto draw = [&](double mean) {
    return mean > 0 ? std::poisson_distribution<std::uint64_t>(mean)(random) : 0;
  };
  if (set != ProbeSet::kFrees) window.allocs = draw(length_ns / per_alloc);
  if (set != ProbeSet::kAllocs)
    window.frees = draw(length_ns / per_alloc * process.frees_per_alloc);
  window.hits = window.allocs + window.frees;
  window.bytes = window.allocs * 64;
  return window;
}

std::vector<AllocWindow> windows_of(const Process& process, std::size_t of_each, double length_ns,
                                    Random& random) {
  std::vector<AllocWindow> windows;
  std::uniform_real_distribution<double> length(0.7, 1.3);
  for (std::size_t i = 0; i < of_each; ++i)
    for (const ProbeSet set : {ProbeSet::kAllocs, ProbeSet::kFrees, ProbeSet::kBoth})
      windows.push_back(window_of(process, set, length_ns * length(random), random));
  return windows;
}

// How many of 200 runs have the truth in their interval, of allocations and of frees.
struct Coverage {
  int allocs = 0;
  int frees = 0;
  double error = 0;  // mean of |estimate / truth - 1|
};

Coverage coverage_of(const Process& process, std::size_t of_each, double length_ns) {
  constexpr int kRuns = 200;
  Random random(4711);
  Coverage coverage;
  for (int run = 0; run < kRuns; ++run) {
    AllocContext context = kContext;
    if (process.used < 1) context.on_cpu = process.used;
    if (process.has_cpu < 1) {
      context.on_cpu = process.has_cpu;
      context.runnable = 1 - process.has_cpu;
    }
    const auto estimate = estimate_rates(windows_of(process, of_each, length_ns, random), context);
    if (!estimate) continue;
    const double share = process.has_cpu;
    const auto covers = [](const Estimate& rate, double truth) {
      return rate.low <= truth && truth <= rate.high;
    };
    coverage.allocs += covers(estimate->allocs_per_s, share * process.allocs_per_s) ? 1 : 0;
    coverage.frees +=
        covers(estimate->frees_per_s, share * process.allocs_per_s * process.frees_per_alloc) ? 1
                                                                                              : 0;
    coverage.error +=
        std::abs(estimate->allocs_per_s.estimate / (share * process.allocs_per_s) - 1) / kRuns;
  }
  return coverage;
}

void expect_honest(const Coverage& coverage) {
  EXPECT_GE(coverage.allocs, 180);
  EXPECT_GE(coverage.frees, 180);
}

std::function<double(Random&)> scattered(double spread) {
  return [spread](Random& random) {
    return std::max(0.01, std::normal_distribution<double>(1, spread)(random));
  };
}

TEST(AllocEstimate, CoversASteadyBusyProcess) {
  const Coverage coverage = coverage_of({.allocs_per_s = 1e6, .mood = scattered(0.05)}, 8, 2e6);
  expect_honest(coverage);
  EXPECT_LE(coverage.allocs, 198) << "so wide that it says nothing";
  EXPECT_LT(coverage.error, 0.05);
}

TEST(AllocEstimate, CoversAProcessThatDoesNothingElse) {
  const Coverage coverage = coverage_of({.allocs_per_s = 10e6, .mood = scattered(0.02)}, 16, 2e6);
  expect_honest(coverage);
  EXPECT_LT(coverage.error, 0.10);
}

TEST(AllocEstimate, CoversAPacedProcess) {
  expect_honest(
      coverage_of({.allocs_per_s = 50e3, .busy = false, .mood = scattered(0.1)}, 8, 20e6));
}

// Batches, of which windows meet more or less. It has the time for one kind of probes, not for
// both.
TEST(AllocEstimate, CoversAPacedProcessThatAllocatesALot) {
  const auto batches = [](Random& random) {
    return std::uniform_real_distribution<double>(0.5, 1.5)(random);
  };
  const Coverage coverage = coverage_of(
      {.allocs_per_s = 400e3, .busy = false, .spare = 0.3, .used = 0.2, .mood = batches}, 8, 2e6);
  expect_honest(coverage);
  EXPECT_LT(coverage.error, 0.2);
}

// Sleeps for so long between allocations, whatever they took: all that probes cost is lost, and
// nothing in the CPU time says so.
TEST(AllocEstimate, CoversAProcessThatSleepsInBetween) {
  const Process sleeper{.allocs_per_s = 25e3, .used = 0.1, .mood = scattered(0.02)};
  for (const std::size_t of_each : {4U, 20U}) {
    const Coverage coverage = coverage_of(sleeper, of_each, 12e6);
    expect_honest(coverage);
    EXPECT_LT(coverage.error, 0.03);
  }
}

TEST(AllocEstimate, CoversAQuietProcess) {
  expect_honest(coverage_of({.allocs_per_s = 300, .busy = false}, 8, 80e6));
}

TEST(AllocEstimate, CoversUnequalCounts) {
  expect_honest(
      coverage_of({.allocs_per_s = 2e6, .frees_per_alloc = 0.3, .mood = scattered(0.05)}, 12, 2e6));
}

// On a machine that lets it run a quarter of the time.
TEST(AllocEstimate, CoversAProcessThatLacksCpu) {
  const Coverage coverage =
      coverage_of({.allocs_per_s = 1e6, .has_cpu = 0.25, .mood = scattered(0.05)}, 32, 2e6);
  expect_honest(coverage);
  EXPECT_LT(coverage.error, 0.15);
}

// Half of the windows meet a request, the others nothing.
TEST(AllocEstimate, CoversWorkThatComesInBursts) {
  const auto on_and_off = [](Random& random) {
    return std::bernoulli_distribution(0.5)(random) ? 2.0 : 0.0;
  };
  const Coverage coverage =
      coverage_of({.allocs_per_s = 20e3, .busy = false, .mood = on_and_off}, 16, 20e6);
  EXPECT_GE(coverage.allocs, 180);
  EXPECT_GE(coverage.frees, 180);
}

// What counting alone would say, and how far off that is.
TEST(AllocEstimate, TakesAwayWhatTheProbesCost) {
  Random random(1);
  const Process process{.allocs_per_s = 2e6, .mood = scattered(0.01)};
  const auto windows = windows_of(process, 16, 3e6, random);
  double counted = 0;
  double time_s = 0;
  for (const AllocWindow& window : windows) {
    if (window.set != ProbeSet::kBoth) continue;
    counted += static_cast<double>(window.allocs);
    time_s += static_cast<double>(window.length_ns) / 1e9;
  }
  EXPECT_LT(counted / time_s, 0.4 * process.allocs_per_s);
  const auto estimate = estimate_rates(windows, kContext);
  ASSERT_TRUE(estimate);
  EXPECT_NEAR(estimate->allocs_per_s.estimate, process.allocs_per_s, 0.05 * process.allocs_per_s);
  EXPECT_NEAR(estimate->bytes_per_s.estimate, 64 * process.allocs_per_s,
              0.05 * 64 * process.allocs_per_s);
}

TEST(AllocEstimate, SaysNothingFromTooFewWindows) {
  Random random(1);
  EXPECT_FALSE(estimate_rates(windows_of({.allocs_per_s = 1e6}, 3, 2e6, random), kContext));
}

TEST(AllocEstimate, SaysNothingOfThreadsThatSleepOnACrowdedMachine) {
  Random random(1);
  const auto windows = windows_of({.allocs_per_s = 20e3, .busy = false}, 16, 5e6, random);
  AllocContext context{.hit_ns = 700, .on_cpu = 0.4, .runnable = 3.8};
  EXPECT_TRUE(estimate_rates(windows, context));
  context.runnable = 4.2;
  EXPECT_FALSE(estimate_rates(windows, context));
  context = {.hit_ns = 700, .on_cpu = 0.001, .runnable = 0.01};
  EXPECT_TRUE(estimate_rates(windows, context)) << "hardly anything runs: nothing is crowded";
}

TEST(AllocEstimate, NoneSeenIsNotNone) {
  Random random(1);
  const auto estimate =
      estimate_rates(windows_of({.allocs_per_s = 1e-3, .busy = false}, 8, 10e6, random), kContext);
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->allocs_per_s.estimate, 0);
  EXPECT_GT(estimate->allocs_per_s.high, 5);
}

TEST(AllocEstimate, QuantilesOfStudent) {
  EXPECT_NEAR(student_quantile(1), 12.706, 0.01);
  EXPECT_NEAR(student_quantile(4), 2.776, 0.02);
  EXPECT_NEAR(student_quantile(10), 2.228, 0.003);
  EXPECT_NEAR(student_quantile(1000), 1.962, 0.001);
}

}  // namespace
}  // namespace cw
