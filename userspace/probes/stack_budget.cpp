#include "probes/stack_budget.h"

#include <algorithm>
#include <cmath>

namespace cw {
namespace {

constexpr double kSmallestPart = 1.0 / 8;
constexpr double kUnfelt = 0.0002;         // of one CPU
constexpr double kAssumedStackNs = 2'000;  // until some were timed
constexpr double kAim = 0.75;              // of what is granted: words come and go
constexpr double kFewestAtARate = 8;       // of a word at one rate
constexpr double kMostAtARate = 65'535;
constexpr double kUsedUp = 0.9;  // of what was granted: the rest is kept back
constexpr double kOnceUsedUp = 4;

}  // namespace

double stacks_allowed_ns(const Spending& spent, double budget_share) {
  const double budget = budget_share * static_cast<double>(spent.target_cpu_ns);
  const double left = budget - static_cast<double>(spent.counting_ns);
  return std::max({left, budget * kSmallestPart, kUnfelt * static_cast<double>(spent.elapsed_ns)});
}

StackSampling next_sampling(const Spending& spent, double budget_share, const StackSampling& last) {
  const double stack_ns =
      spent.stacks_taken == 0 || spent.stacks_ns == 0
          ? kAssumedStackNs
          : static_cast<double>(spent.stacks_ns) / static_cast<double>(spent.stacks_taken);
  const double granted = std::max(1.0, stacks_allowed_ns(spent, budget_share) / stack_ns);
  auto at_a_rate = static_cast<double>(last.at_a_rate);
  const auto taken = static_cast<double>(spent.stacks_taken);
  const double most = std::clamp(kAim * granted, kFewestAtARate, kMostAtARate);
  if (static_cast<double>(spent.stacks_wanted) <= kAim * granted)
    at_a_rate = most;  // all fit
  else if (taken >= kUsedUp * static_cast<double>(last.granted))
    at_a_rate /= kOnceUsedUp;  // how many it would have been is not known
  else if (taken > 0)
    at_a_rate *= kAim * granted / taken;
  return {.at_a_rate = static_cast<std::uint32_t>(std::clamp(at_a_rate, kFewestAtARate, most)),
          .granted = static_cast<std::uint64_t>(granted)};
}

}  // namespace cw
