#include "probes/stack_budget.h"

#include <algorithm>
#include <cmath>

namespace cw {
namespace {

constexpr double kSmallestPart = 1.0 / 8;
constexpr double kUnfelt = 0.0002;  // of one CPU
constexpr std::uint32_t kMostInFull = 256;
constexpr std::uint32_t kFewestInFull = 4;
constexpr std::uint32_t kRarest = 4096;
constexpr double kLargestStep = 16;
// From here on it is the many words that cost, each with its stacks in full.
constexpr std::uint32_t kRareEnough = 64;

}  // namespace

double StackBudget::allowed_ns(const Spending& spent) const {
  const double budget = share_ * static_cast<double>(spent.target_cpu_ns);
  const double left = budget - static_cast<double>(spent.counting_ns);
  return std::max({left, budget * kSmallestPart, kUnfelt * static_cast<double>(spent.elapsed_ns)});
}

StackSampling StackBudget::next(const Spending& spent) {
  const double allowed = allowed_ns(spent);
  const auto cost = static_cast<double>(spent.stacks_ns);
  if (cost > allowed) {
    if (sampling_.one_in >= kRareEnough)
      sampling_.in_full = std::max(kFewestInFull, sampling_.in_full / 2);
    const double step = std::min(kLargestStep, cost / std::max(1.0, allowed));
    sampling_.one_in = std::min(
        kRarest,
        static_cast<std::uint32_t>(std::ceil(static_cast<double>(sampling_.one_in) * step)));
  } else if (cost < allowed / 2) {
    if (sampling_.in_full < kMostInFull)
      sampling_.in_full *= 2;
    else
      sampling_.one_in = std::max(1U, sampling_.one_in / 2);
  }
  return sampling_;
}

}  // namespace cw
