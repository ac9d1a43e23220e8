#include "probes/stack_budget.h"

#include <algorithm>
#include <cmath>

namespace cw {
namespace {

constexpr double kSmallestPart = 1.0 / 8;
constexpr double kUnfelt = 0.0002;         // of one CPU
constexpr double kAssumedStackNs = 2'000;  // until some were timed

}  // namespace

double stacks_allowed_ns(const Spending& spent, double budget_share) {
  const double budget = budget_share * static_cast<double>(spent.target_cpu_ns);
  const double left = budget - static_cast<double>(spent.counting_ns);
  return std::max({left, budget * kSmallestPart, kUnfelt * static_cast<double>(spent.elapsed_ns)});
}

StackSampling next_sampling(const Spending& spent, double budget_share) {
  const double stack_ns =
      spent.stacks_taken == 0 || spent.stacks_ns == 0
          ? kAssumedStackNs
          : static_cast<double>(spent.stacks_ns) / static_cast<double>(spent.stacks_taken);
  const double granted = std::max(1.0, stacks_allowed_ns(spent, budget_share) / stack_ns);
  // Half of it is for busy words, evenly over the time.
  const double one_in = std::ceil(static_cast<double>(spent.stacks_wanted) / (granted / 2));
  return {.one_in = static_cast<std::uint32_t>(std::clamp(one_in, 1.0, 1e9)),
          .granted = static_cast<std::uint64_t>(granted)};
}

}  // namespace cw
