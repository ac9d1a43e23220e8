#include "probes/burst_governor.h"

#include <algorithm>
#include <cmath>

namespace cw {
namespace {

constexpr double kUnfelt = 0.0002;  // of one CPU: nobody can measure that
constexpr double kCreditNs = 2e9;   // what was saved for longer than this is forfeited
constexpr double kStacksAWindow = 48;
constexpr double kSurge = 3;          // times what was expected, and a window is closed early
constexpr double kHitsLetPass = 500;  // whatever was expected
constexpr double kStallNs = 3e6;      // what probes may hold up one thread in one window
constexpr double kForgets = 0.7;      // of an earlier rate that was higher

std::size_t index_of(ProbeSet set) {
  return static_cast<std::size_t>(set);
}

}  // namespace

BurstGovernor::BurstGovernor(double budget_share, ProbeCosts costs, std::uint64_t seed)
    : budget_share_(budget_share),
      costs_(costs),
      random_(seed),
      credit_ns_(kProbeSets * (kShortestNs + costs.window_ns)) {}

double BurstGovernor::allowance(double cpus) const {
  return std::max(budget_share_ * cpus, kUnfelt);
}

double BurstGovernor::cost_of(const WindowOutcome& outcome) const {
  return costs_.window_ns + costs_.hit_ns * static_cast<double>(outcome.hits) +
         costs_.stack_ns * static_cast<double>(outcome.stacks);
}

// Each set once, in an order that nothing in the process can be in step with.
ProbeSet BurstGovernor::next_set() {
  if (place_ == 0) std::ranges::shuffle(order_, random_);
  const ProbeSet set = order_.at(place_);
  place_ = (place_ + 1) % kProbeSets;
  return set;
}

// Of a set that was never tried: twice what others had; of the first one, as if one CPU did nothing
// but run into probes.
double BurstGovernor::expected_rate(ProbeSet set) const {
  if (const auto& known = hits_per_ns_.at(index_of(set))) return *known;
  double most = -1;
  for (const auto& rate : hits_per_ns_) most = std::max(most, rate.value_or(-1));
  return most < 0 ? 1 / costs_.hit_ns : std::min(2 * most, 1 / costs_.hit_ns);
}

std::optional<WindowPlan> BurstGovernor::next(double cpus) {
  WindowPlan plan;
  plan.set = next_set();
  const double allowed = allowance(cpus);
  const double rate = expected_rate(plan.set);
  double length = kShortestNs;
  double stacks_per_hit = 0;
  if (hits_per_ns_.at(index_of(plan.set))) {
    const double per_ns = std::max(rate * costs_.hit_ns, 1e-9);
    const double longest = std::clamp(kStallNs / per_ns, kStallNs, kLongestNs);
    // As much as a period allows; at least as much as attaching costs, or that would be all it
    // buys.
    const double affordable = std::max(allowed * kPeriodNs - costs_.window_ns, costs_.window_ns);
    length = std::clamp(affordable / per_ns, kShortestNs, longest);
  }
  const double hits = rate * length;
  // Stacks cost no more than half of what the hits do.
  const double one_in =
      std::max(std::ceil(2 * costs_.stack_ns / costs_.hit_ns), std::ceil(hits / kStacksAWindow));
  stacks_per_hit = plan.set == ProbeSet::kFrees ? 0 : 1 / one_in;
  const double cost = costs_.window_ns + hits * (costs_.hit_ns + stacks_per_hit * costs_.stack_ns);
  std::uniform_real_distribution<double> jitter(0.5, 1.5);
  const double pause = std::max(kPeriodNs * jitter(random_), (cost - credit_ns_) / allowed);
  if (pause > kRarestNs) return std::nullopt;
  plan.pause_ns = static_cast<std::uint64_t>(pause);
  plan.length_ns = static_cast<std::uint64_t>(length);
  plan.stacks_one_in = static_cast<std::uint32_t>(std::min(one_in, 1e6));
  plan.most_hits = static_cast<std::uint64_t>(kSurge * hits + kHitsLetPass);
  return plan;
}

void BurstGovernor::settle(const WindowPlan& plan, const WindowOutcome& outcome,
                           std::uint64_t elapsed_ns, double cpus) {
  const double allowed = allowance(cpus);
  credit_ns_ += allowed * static_cast<double>(elapsed_ns);
  credit_ns_ = std::min(credit_ns_, allowed * kCreditNs);
  credit_ns_ -= cost_of(outcome);
  std::optional<double>& known = hits_per_ns_.at(index_of(plan.set));
  const double rate =
      static_cast<double>(outcome.hits) / std::max(1.0, static_cast<double>(outcome.armed_ns));
  // A surge counts at once; that it is over is believed slowly.
  known = known ? std::max(rate, kForgets * *known + (1 - kForgets) * rate) : rate;
}

}  // namespace cw
