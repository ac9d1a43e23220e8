// The profile, and as folded stacks.
#include <gtest/gtest.h>

#include <numeric>

#include "export/folded.h"
#include "export_fixtures.h"

namespace cw {
namespace {

using test::profile_of;

double sum_of(const std::map<ProfiledStack, Weight>& stacks) {
  return std::accumulate(stacks.begin(), stacks.end(), 0.0,
                         [](double sum, const auto& entry) { return sum + entry.second.amount; });
}

TEST(Profile, AddsUpToTheTimeWaited) {
  const Profile profile = profile_of(test::guilty_report(), ProfileOf::kLocks, 3);
  const double waited = 3 * 5e9 * (2.548 + 0.127 + 0.002);
  EXPECT_NEAR(sum_of(profile.waiters()), waited, 10);
  EXPECT_NEAR(sum_of(profile.releasers()), waited, 10);
  double waits = 0;
  for (const auto& [stack, weight] : profile.waiters()) waits += weight.count;
  EXPECT_EQ(waits, 3 * (49'000U + 2'050U + 2'050U));
  EXPECT_DOUBLE_EQ(profile.duration_s(), 15);
}

TEST(Profile, WhatWasNotShownIsThere) {
  Report report = test::report_of(2);
  report.locks[0].waiters.pop_back();  // 26 % of it
  report.locks[1].waiters.clear();     // a row beyond --top
  report.locks_not_listed = {.count = 3, .waits = 30, .sum_ns = 1, .waiters_mean = 0.2};
  const std::string folded = to_folded(profile_of(report));
  EXPECT_NE(folded.find("orders-api;[other stacks];[mutex lock_0] 33124"), std::string::npos)
      << folded;
  EXPECT_NE(folded.find("orders-api;[other stacks];[other mutex locks] 12740000000\n"),
            std::string::npos)
      << folded;
  EXPECT_NE(folded.find("other;[other stacks];[other locks] 1000000000\n"), std::string::npos)
      << folded;
}

TEST(Profile, IsBounded) {
  Profile profile;
  Report report = test::report_of(1);
  report.locks[0].waiters.resize(1);
  report.locks[0].waiters[0].share = 1;
  for (int i = 0; i < 25'000; ++i) {
    report.locks[0].waiters[0].stack = test::stack_of({{"main"}});
    report.locks[0].waiters[0].stack.frames[0].function = "f" + std::to_string(i);
    report.locks[0].name = "lock_" + std::to_string(i / 10);
    profile.add(report);
  }
  EXPECT_LE(profile.waiters().size(), 22'000U);
  EXPECT_LE(profile.locks().size(), 1'002U);
  EXPECT_NEAR(sum_of(profile.waiters()) / (25'000 * 5e9 * 2.548), 1, 1e-6) << "none is lost";
}

TEST(Profile, OfAllocationsAddsUpToTheBytes) {
  Profile profile(ProfileOf::kAllocations);
  for (int i = 0; i < 3; ++i) profile.add(test::guilty_report());
  double allocations = 0;
  for (const auto& [stack, weight] : profile.waiters()) allocations += weight.count;
  EXPECT_NEAR(allocations, 3 * 5 * 8100, 1e-3);
  EXPECT_NEAR(sum_of(profile.waiters()), 3 * 5 * 1.2e6, 1e-3);
  EXPECT_TRUE(profile.releasers().empty());
  EXPECT_EQ(to_folded(profile),
            "orders-api;[other stacks];[allocator glibc 2.36] 10800000\n"
            "orders-api;orders::parse;operator new(unsigned long);malloc;[allocator glibc 2.36] "
            "7200000\n");
}

TEST(Folded, IsRootFirstAndSumsIntervals) {
  EXPECT_EQ(
      to_folded(profile_of(test::guilty_report(), ProfileOf::kLocks, 2)),
      "orders-api;clerk;orders::lookup;pthread_mutex_lock;[mutex orders::ledger] 18855200000\n"
      "orders-api;orders::quote;[rwlock orders::rates] 1290000000\n"
      "orders-api;orders::settle;pthread_mutex_lock;[mutex orders::ledger] 6624800000\n");
}

TEST(Folded, MarksStacksThatGoOn) {
  Report report = test::report_of(1);
  report.locks[0].waiters[0].stack.complete = false;
  report.locks[0].waiters[0].stack.frames[2].function.clear();
  EXPECT_NE(to_folded(profile_of(report)).find("orders-api;...;orders+0x1c;orders::lookup;"),
            std::string::npos);
}

TEST(Folded, HostileNamesStayInTheirFrames) {
  const std::string folded = to_folded(profile_of(test::hostile_report()));
  std::istringstream lines(folded);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(line.find_first_not_of("0123456789", line.rfind(' ') + 1), std::string::npos) << line;
    EXPECT_LE(std::ranges::count(line, ';'), 4) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
  }
  EXPECT_EQ(to_folded(Profile()), "");
}

}  // namespace
}  // namespace cw
