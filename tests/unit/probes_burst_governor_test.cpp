// The governor against simulated processes: what it spends, and when it gives up.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "probes/burst_governor.h"

namespace cw {
namespace {

constexpr double kSecond = 1e9;

// A process that makes so many calls in each nanosecond while nothing is in its way, on one CPU: a
// probe takes its time from the work.
struct Simulated {
  std::function<double(double time_ns)> calls_per_ns;
  double hit_ns = 700;
  double window_ns = 60'000;
  double cpus = 1;
};

struct Spent {
  double lost_ns = 0;
  double time_ns = 0;
  std::size_t windows = 0;
  double longest_ns = 0;
  bool gave_up = false;

  [[nodiscard]] double share(double cpus) const { return lost_ns / (time_ns * cpus); }
};

Spent run(BurstGovernor& governor, const Simulated& process, double seconds) {
  Spent spent;
  while (spent.time_ns < seconds * kSecond) {
    const auto plan = governor.next(process.cpus);
    if (!plan) {
      spent.gave_up = true;
      return spent;
    }
    spent.time_ns += static_cast<double>(plan->pause_ns);
    const double calls = process.calls_per_ns(spent.time_ns);
    const double rate = calls / (1 + calls * process.hit_ns);  // as the probes leave it
    auto armed = static_cast<double>(plan->length_ns);
    // Closed early, at the next look.
    if (rate * armed > static_cast<double>(plan->most_hits))
      armed = std::min(armed, static_cast<double>(plan->most_hits) / rate + 2e6);
    const WindowOutcome outcome{.length_ns = static_cast<std::uint64_t>(armed),
                                .inside = static_cast<std::uint64_t>(rate * armed),
                                .hits = static_cast<std::uint64_t>(rate * armed),
                                .stacks = 0};
    spent.lost_ns += rate * armed * process.hit_ns + process.window_ns;
    spent.time_ns += armed;
    spent.longest_ns = std::max(spent.longest_ns, armed);
    ++spent.windows;
    governor.settle(*plan, outcome, plan->pause_ns + outcome.length_ns, process.cpus);
  }
  return spent;
}

ProbeCosts costs_of(const Simulated& process) {
  return {.hit_ns = process.hit_ns, .stack_ns = 2000, .window_ns = process.window_ns};
}

TEST(BurstGovernor, KeepsTheBudgetWhateverTheRate) {
  for (const double calls_per_s : {100.0, 10e3, 1e6, 20e6, 180e6}) {
    const Simulated process{.calls_per_ns = [&](double) { return calls_per_s / kSecond; }};
    BurstGovernor governor(0.01, costs_of(process), 7);
    const Spent spent = run(governor, process, 30);
    EXPECT_LT(spent.share(process.cpus), 0.0105) << calls_per_s;
    EXPECT_GT(spent.windows, 60U) << calls_per_s;
  }
}

TEST(BurstGovernor, FiveSecondsMakeARate) {
  for (const double calls_per_s : {10e3, 1e6, 20e6}) {
    const Simulated process{.calls_per_ns = [&](double) { return calls_per_s / kSecond; }};
    BurstGovernor governor(0.01, costs_of(process), 7);
    EXPECT_GE(run(governor, process, 4).windows, 16U) << calls_per_s;
  }
}

TEST(BurstGovernor, KeepsATenthOfThatToo) {
  const Simulated process{.calls_per_ns = [](double) { return 5e6 / kSecond; }};
  BurstGovernor governor(0.001, costs_of(process), 7);
  const Spent spent = run(governor, process, 60);
  EXPECT_LT(spent.share(process.cpus), 0.00105);
  EXPECT_GT(spent.windows, 30U);
}

// A window that holds up a busy thread is short; one that nobody notices may be long.
TEST(BurstGovernor, LongWindowsOnlyWhereNothingMuchPasses) {
  const Simulated busy{.calls_per_ns = [](double) { return 50e6 / kSecond; }};
  BurstGovernor tight(0.05, costs_of(busy), 7);
  EXPECT_LT(run(tight, busy, 10).longest_ns, 4e6);
  const Simulated quiet{.calls_per_ns = [](double) { return 1000 / kSecond; }};
  BurstGovernor loose(0.01, costs_of(quiet), 7);
  EXPECT_GT(run(loose, quiet, 10).longest_ns, 50e6);
}

TEST(BurstGovernor, ASurgeIsPaidBack) {
  const Simulated process{.calls_per_ns = [](double time_ns) {
    return (time_ns > 10 * kSecond ? 20e6 : 1000) / kSecond;
  }};
  BurstGovernor governor(0.01, costs_of(process), 7);
  const Spent spent = run(governor, process, 30);
  EXPECT_LT(spent.share(process.cpus), 0.0105);
}

// What an idle process loses is what nobody can feel.
TEST(BurstGovernor, IdleProcessIsHardlyTouched) {
  const Simulated process{.calls_per_ns = [](double) { return 0.0; }, .cpus = 0};
  BurstGovernor governor(0.01, costs_of(process), 7);
  const Spent spent = run(governor, process, 60);
  EXPECT_FALSE(spent.gave_up);
  EXPECT_LT(spent.lost_ns / spent.time_ns, 0.00021);
}

// Single-stepped on a slow machine: half a millisecond of it is more than the budget of a minute.
TEST(BurstGovernor, GivesUpRatherThanOverspend) {
  const Simulated process{.calls_per_ns = [](double) { return 1e6 / kSecond; },
                          .hit_ns = 10'000,
                          .window_ns = 60e6,
                          .cpus = 0.01};
  BurstGovernor governor(0.0005, costs_of(process), 7);
  EXPECT_TRUE(run(governor, process, 60).gave_up);
}

// Where that slows it down, calls that allocate and that free are also counted without the others.
TEST(BurstGovernor, EachSetComesAsOften) {
  const Simulated process{.calls_per_ns = [](double) { return 1e6 / kSecond; }};
  BurstGovernor governor(0.01, costs_of(process), 7);
  std::array<int, kProbeSets> seen{};
  for (int i = 0; i < 300; ++i) {
    const auto plan = governor.next(1);
    ASSERT_TRUE(plan);
    ++seen.at(static_cast<std::size_t>(plan->set));
    const std::uint64_t hits = plan->length_ns / 2000;
    governor.settle(*plan,
                    {.length_ns = plan->length_ns, .inside = hits, .hits = hits, .stacks = 0},
                    plan->pause_ns, 1);
  }
  for (const int times : seen) EXPECT_NEAR(times, 100, 1);
}

TEST(BurstGovernor, CountsEverythingWhereThatSlowsLittle) {
  const Simulated process{.calls_per_ns = [](double) { return 20e3 / kSecond; }};
  BurstGovernor governor(0.01, costs_of(process), 7);
  for (int i = 0; i < 30; ++i) {
    const auto plan = governor.next(1);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->set, ProbeSet::kBoth);
    const std::uint64_t hits = plan->length_ns / 50'000;
    governor.settle(*plan,
                    {.length_ns = plan->length_ns, .inside = hits, .hits = hits, .stacks = 0},
                    plan->pause_ns, 1);
  }
}

// A window that happens to meet nothing does not say that nothing comes.
TEST(BurstGovernor, OneQuietWindowIsNotBelieved) {
  const Simulated process{.calls_per_ns = [](double) { return 1e6 / kSecond; }};
  BurstGovernor governor(0.01, costs_of(process), 7);
  const auto first = governor.next(1);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->trial);
  governor.settle(*first, {.length_ns = first->length_ns, .inside = 0, .hits = 0, .stacks = 0},
                  first->pause_ns, 1);
  const auto second = governor.next(1);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->trial);
  EXPECT_LE(second->length_ns, 4 * first->length_ns);
}

// Hits that cost three times as much, since threads come to them cold: a third of them is paid for.
TEST(BurstGovernor, ColdHitsArePaidFor) {
  const Simulated process{.calls_per_ns = [](double) { return 2e6 / kSecond; }};
  const auto hits_per_s = [&](double colder) {
    const ProbeCosts costs = costs_of(process);
    BurstGovernor governor(0.01, costs, 7);
    double all = 0;
    double elapsed_ns = 0;
    for (int i = 0; i < 300; ++i) {
      const auto plan = governor.next(1);
      if (!plan) break;
      const std::uint64_t hits = plan->length_ns / 500;
      const std::uint64_t took_ns = plan->pause_ns + plan->length_ns;
      governor.settle(*plan,
                      {.length_ns = plan->length_ns,
                       .inside = hits,
                       .hits = hits,
                       .stacks = 0,
                       .cold_ns = colder * costs.hit_ns * static_cast<double>(hits)},
                      took_ns, 1);
      all += static_cast<double>(hits);
      elapsed_ns += static_cast<double>(took_ns);
    }
    return all / elapsed_ns * 1e9;
  };
  const double warm = hits_per_s(0);
  const double cold = hits_per_s(2);
  EXPECT_GT(cold, warm / 4);
  EXPECT_LT(cold, warm / 2);
}

// What passes while probes come and go is paid for by windows that are rarer, not shorter.
TEST(BurstGovernor, HitsBesideTheWindowAreNotItsRate) {
  const Simulated process{.calls_per_ns = [](double) { return 100e3 / kSecond; }};
  BurstGovernor governor(0.01, costs_of(process), 7);
  std::uint64_t length_ns = 0;
  for (int i = 0; i < 30; ++i) {
    const auto plan = governor.next(1);
    ASSERT_TRUE(plan);
    length_ns = plan->length_ns;
    const std::uint64_t hits = plan->length_ns / 10'000;
    governor.settle(
        *plan, {.length_ns = plan->length_ns, .inside = hits, .hits = hits + 1000, .stacks = 0},
        plan->pause_ns, 1);
  }
  EXPECT_GE(length_ns, 10'000'000U);
}

}  // namespace
}  // namespace cw
