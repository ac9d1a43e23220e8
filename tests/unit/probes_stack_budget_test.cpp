#include <gtest/gtest.h>

#include "probes/stack_budget.h"

namespace cw {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr double kOnePercent = 0.01;

// A second in which the target used one core and `wanted` stacks would have cost 1 us each.
Spending second_with(std::uint64_t wanted, std::uint64_t counting_ns) {
  return {.elapsed_ns = kSecondNs,
          .target_cpu_ns = kSecondNs,
          .counting_ns = counting_ns,
          .stacks_ns = 500'000,
          .stacks_taken = 500,
          .stacks_wanted = wanted};
}

StackSampling after(const Spending& spending, const StackSampling& last = {}) {
  return next_sampling(spending, kOnePercent, last);
}

TEST(StackBudget, TakesEveryStackWhereThatIsCheap) {
  const StackSampling sampling = after(second_with(1000, 0));
  EXPECT_GE(sampling.at_a_rate, 1000U);
  EXPECT_GE(sampling.granted, 1000U);
}

TEST(StackBudget, GrantsNoMoreThanTheBudgetBuys) {
  for (const std::uint64_t wanted : {20'000U, 200'000U, 2'000'000U})
    EXPECT_EQ(after(second_with(wanted, 0)).granted, 10'000U);
}

TEST(StackBudget, AWordGetsMoreWhereTooFewWereTakenAndLessWhereTooMany) {
  const StackSampling last{.at_a_rate = 100, .granted = 10'000};
  EXPECT_EQ(after(second_with(200'000, 0), last).at_a_rate, 1'500U) << "500 were taken of 10,000";
  EXPECT_EQ(after(second_with(200'000, kSecondNs), last).at_a_rate, 187U) << "of 1,250";
  EXPECT_EQ(after(second_with(200'000, kSecondNs), {.at_a_rate = 1}).at_a_rate, 8U)
      << "fewer say nothing";
}

// How many more it would have been is not known: it comes down fast.
TEST(StackBudget, WhereAllThatWasGrantedWasTakenAWordGetsAQuarter) {
  Spending used_up = second_with(200'000, 0);
  used_up.stacks_taken = 10'000;
  used_up.stacks_ns = 10'000'000;
  EXPECT_EQ(after(used_up, {.at_a_rate = 4'000, .granted = 10'000}).at_a_rate, 1'000U);
  EXPECT_LE(after(second_with(10, 0), {}).at_a_rate, 7'500U) << "none had more than was granted";
}

TEST(StackBudget, CountingTakesItsPartFirst) {
  EXPECT_EQ(after(second_with(200'000, 8'000'000)).granted, 2'000U);
  EXPECT_EQ(after(second_with(200'000, kSecondNs)).granted, 1'250U);
}

TEST(StackBudget, AnIdleProcessMayHaveAFew) {
  Spending idle = second_with(10, 0);
  idle.target_cpu_ns = 0;
  EXPECT_EQ(after(idle).granted, 200U);
}

TEST(StackBudget, NothingSeenYetIsNoReasonForNone) {
  const StackSampling sampling = after({});
  EXPECT_GE(sampling.granted, 1U);
  EXPECT_EQ(sampling.at_a_rate, 8U);
}

}  // namespace
}  // namespace cw
