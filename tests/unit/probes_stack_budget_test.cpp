#include <gtest/gtest.h>

#include "probes/stack_budget.h"

namespace cw {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// A process that uses one core and would have `wanted` stacks of 1 us a second on one word.
std::uint64_t stacks_ns(const StackSampling& sampling, std::uint64_t wanted) {
  const std::uint64_t full = std::min<std::uint64_t>(wanted, sampling.in_full);
  return (full + (wanted - full) / sampling.one_in) * 1000;
}

StackSampling settled(StackBudget& budget, std::uint64_t wanted, std::uint64_t counting_ns) {
  StackSampling sampling;
  for (int i = 0; i < 20; i++)
    sampling = budget.next({.elapsed_ns = kSecond,
                            .target_cpu_ns = kSecond,
                            .counting_ns = counting_ns,
                            .stacks_ns = stacks_ns(sampling, wanted)});
  return sampling;
}

TEST(StackBudget, TakesEveryStackWhereThatIsCheap) {
  StackBudget budget(1);
  EXPECT_EQ(settled(budget, 1000, 0).one_in, 1U);
}

TEST(StackBudget, HoldsWhateverIsAskedOfIt) {
  for (const std::uint64_t wanted : {20'000U, 200'000U, 2'000'000U}) {
    StackBudget budget(1);
    const StackSampling sampling = settled(budget, wanted, 0);
    EXPECT_LE(stacks_ns(sampling, wanted), kSecond / 100) << wanted;
    EXPECT_GE(stacks_ns(sampling, wanted), kSecond / 1000) << wanted;
  }
}

TEST(StackBudget, CountingTakesItsPartFirst) {
  StackBudget cheap(1);
  StackBudget dear(1);
  EXPECT_GT(settled(dear, 200'000, 8'000'000).one_in, settled(cheap, 200'000, 0).one_in);
  const Spending broke{
      .elapsed_ns = kSecond, .target_cpu_ns = kSecond, .counting_ns = kSecond, .stacks_ns = 0};
  EXPECT_DOUBLE_EQ(dear.allowed_ns(broke), kSecond / 800.0);
}

TEST(StackBudget, AnIdleProcessMayHaveAFew) {
  const StackBudget budget(1);
  EXPECT_GT(budget.allowed_ns(
                {.elapsed_ns = kSecond, .target_cpu_ns = 0, .counting_ns = 0, .stacks_ns = 0}),
            100'000);
}

TEST(StackBudget, ManyWordsTakeFewerEach) {
  StackBudget budget(1);
  StackSampling sampling;
  for (int i = 0; i < 20; i++)
    sampling = budget.next({.elapsed_ns = kSecond,
                            .target_cpu_ns = kSecond,
                            .counting_ns = 0,
                            .stacks_ns = kSecond / 10});
  EXPECT_LT(sampling.in_full, 16U);
  EXPECT_GE(sampling.in_full, 1U);
  EXPECT_LE(sampling.one_in, 4096U);
}

}  // namespace
}  // namespace cw
