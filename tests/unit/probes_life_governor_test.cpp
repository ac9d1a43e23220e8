// The governor of windows in which blocks are followed, against simulated processes.
#include <gtest/gtest.h>

#include <algorithm>

#include "probes/life_governor.h"

namespace cw {
namespace {

constexpr double kBudget = 0.002;

struct Process {
  double hits_per_s = 0;  // while it is probed
  double cpus = 1;
};

struct Course {
  double paid_share = 0;  // of its CPU time
  double windows_per_s = 0;
  double samples = 0;  // in all
  double longest_ns = 0;
  double shortest_ns = 1e12;
};

Course observe(const Process& process, double seconds, double budget = kBudget) {
  LifeGovernor governor(budget, {}, 4711);
  Course course;
  double time_ns = 0;
  double paid_ns = 0;
  double windows = 0;
  while (time_ns < seconds * 1e9) {
    const auto plan = governor.next(process.cpus, process.hits_per_s / 1e9);
    if (!plan) {
      time_ns += 1e9;
      continue;
    }
    const double elapsed = static_cast<double>(plan->due_ns + plan->length_ns) + 30e6;
    time_ns += elapsed;
    const double hits = process.hits_per_s * static_cast<double>(plan->length_ns) / 1e9;
    const LifeOutcome outcome{.length_ns = plan->length_ns,
                              .inside = static_cast<std::uint64_t>(hits),
                              .hits = static_cast<std::uint64_t>(hits * 1.1),
                              .samples = static_cast<std::uint64_t>(hits / 2 / plan->one_in)};
    governor.settle(outcome, static_cast<std::uint64_t>(elapsed), process.cpus);
    paid_ns += governor.cost_of(outcome);
    ++windows;
    course.samples += static_cast<double>(outcome.samples);
    course.longest_ns = std::max(course.longest_ns, static_cast<double>(plan->length_ns));
    course.shortest_ns = std::min(course.shortest_ns, static_cast<double>(plan->length_ns));
  }
  course.paid_share = paid_ns / (process.cpus * time_ns);
  course.windows_per_s = windows / seconds;
  return course;
}

TEST(LifeGovernor, KeepsItsBudgetWhateverTheRate) {
  for (const double hits_per_s : {1e3, 3e4, 4e5, 1.4e6})
    EXPECT_LE(observe({.hits_per_s = hits_per_s}, 300).paid_share, 1.1 * kBudget) << hits_per_s;
}

TEST(LifeGovernor, FollowsEnoughBlocksInHalfAMinute) {
  for (const double hits_per_s : {3e4, 4e5, 1.4e6})
    EXPECT_GE(observe({.hits_per_s = hits_per_s}, 30).samples, 400) << hits_per_s;
}

TEST(LifeGovernor, WindowsShowAMillisecondAndStallNobodyForLong) {
  for (const double hits_per_s : {1e2, 1e4, 4e5, 1.4e6}) {
    const Course course = observe({.hits_per_s = hits_per_s}, 100);
    EXPECT_GE(course.shortest_ns, LifeGovernor::kShortestNs) << hits_per_s;
    EXPECT_LE(course.longest_ns * hits_per_s * 700 / 1e9, 7e6) << hits_per_s;
  }
}

TEST(LifeGovernor, GivesUpWhatIsTooDear) {
  LifeGovernor governor(0.00002, {}, 1);
  EXPECT_FALSE(governor.next(1, 1.4e-3).has_value());
  EXPECT_TRUE(LifeGovernor(kBudget, {}, 1).next(1, 1.4e-3).has_value());
}

TEST(LifeGovernor, SurgeIsCutShort) {
  LifeGovernor governor(kBudget, {}, 1);
  const auto plan = governor.next(1, 1e-5);
  ASSERT_TRUE(plan.has_value());
  const double expected = 1e-5 * static_cast<double>(plan->length_ns);
  EXPECT_GE(static_cast<double>(plan->most_hits), expected);
  EXPECT_LE(static_cast<double>(plan->most_hits), 4 * expected + 1000);
}

}  // namespace
}  // namespace cw
