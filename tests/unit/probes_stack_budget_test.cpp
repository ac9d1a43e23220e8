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

TEST(StackBudget, TakesEveryStackWhereThatIsCheap) {
  const StackSampling sampling = next_sampling(second_with(1000, 0), kOnePercent);
  EXPECT_EQ(sampling.one_in, 1U);
  EXPECT_GE(sampling.granted, 1000U);
}

TEST(StackBudget, GrantsNoMoreThanTheBudgetBuys) {
  for (const std::uint64_t wanted : {20'000U, 200'000U, 2'000'000U}) {
    const StackSampling sampling = next_sampling(second_with(wanted, 0), kOnePercent);
    EXPECT_EQ(sampling.granted, 10'000U);
    // What is left after the first of each word is spread over the whole time.
    EXPECT_LE(wanted / sampling.one_in, 5'000U);
    EXPECT_GE(wanted / sampling.one_in, 4'000U);
  }
}

TEST(StackBudget, CountingTakesItsPartFirst) {
  EXPECT_EQ(next_sampling(second_with(200'000, 8'000'000), kOnePercent).granted, 2'000U);
  EXPECT_EQ(next_sampling(second_with(200'000, kSecondNs), kOnePercent).granted, 1'250U);
}

TEST(StackBudget, AnIdleProcessMayHaveAFew) {
  Spending idle = second_with(10, 0);
  idle.target_cpu_ns = 0;
  EXPECT_EQ(next_sampling(idle, kOnePercent).granted, 200U);
}

TEST(StackBudget, NothingSeenYetIsNoReasonForNone) {
  const StackSampling sampling = next_sampling({}, kOnePercent);
  EXPECT_GE(sampling.granted, 1U);
  EXPECT_EQ(sampling.one_in, 1U);
}

}  // namespace
}  // namespace cw
