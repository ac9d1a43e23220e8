#include "probes/life_governor.h"

#include <algorithm>
#include <cmath>

namespace cw {
namespace {

constexpr Allowance::Bounds kLifeBounds{.unfelt = 0.0001, .kept_ns = 5e9};
constexpr double kLifeStallNs = 6e6;  // what probes may hold up one thread in one window
constexpr double kBlocksAWindow = 200;
constexpr double kPeriods = 2;  // that a window may use up what they allow of

}  // namespace

LifeGovernor::LifeGovernor(double budget_share, LifeCosts costs, std::uint64_t seed)
    : allowance_(budget_share, kLifeBounds, 0), costs_(costs), random_(seed) {}

double LifeGovernor::cost_of(const LifeOutcome& outcome) const {
  return costs_.window_ns + costs_.hit_ns * static_cast<double>(outcome.hits) +
         costs_.sample_ns * static_cast<double>(outcome.samples);
}

std::optional<LifePlan> LifeGovernor::next(double cpus, double hits_per_ns) {
  const double rate = hits_per_ns_ > 0 ? hits_per_ns_ : hits_per_ns;
  const double per_ns = std::max(rate * costs_.hit_ns, 1e-9);  // what probes take of the time
  const double longest = std::clamp(kLifeStallNs / per_ns, kShortestNs, kLongestNs);
  // As much as some periods allow: the less a process does, the less of it is to be had.
  const double affordable = allowance_.per_ns(cpus) * kPeriods * kPeriodNs - costs_.window_ns;
  const double length = std::clamp(affordable / 2 / per_ns, kShortestNs, longest);
  const double hits = rate * length;
  // About half of the hits allocate. Samples cost no more than the hits do, unless these are few.
  const double balanced = costs_.sample_ns / (2 * costs_.hit_ns);
  const double wanted = hits / 2 / kBlocksAWindow;
  const bool few = hits / 2 * costs_.sample_ns < affordable / 2;
  const double one_in = std::max(1.0, std::ceil(few ? wanted : std::max(wanted, balanced)));
  const double cost = costs_.window_ns + (hits + outside_hits_) * costs_.hit_ns +
                      hits / 2 / one_in * costs_.sample_ns;
  std::uniform_real_distribution<double> jitter(0.5, 1.5);
  const double due = std::max(kPeriodNs * jitter(random_), allowance_.ns_until(cost, cpus));
  if (due > kRarestNs) return std::nullopt;
  return LifePlan{.due_ns = static_cast<std::uint64_t>(due),
                  .length_ns = static_cast<std::uint64_t>(length),
                  .one_in = static_cast<std::uint32_t>(std::min(one_in, 1e6)),
                  .most_hits = static_cast<std::uint64_t>(kSurge * hits + kHitsLetPass)};
}

void LifeGovernor::settle(const LifeOutcome& outcome, std::uint64_t elapsed_ns, double cpus) {
  allowance_.settle(cost_of(outcome), elapsed_ns, cpus);
  const double length = std::max(1.0, static_cast<double>(outcome.length_ns));
  const auto inside = static_cast<double>(outcome.inside);
  const double rate = inside / length;
  // A surge counts at once; that it is over is believed slowly.
  hits_per_ns_ = std::max(rate, kForgets * hits_per_ns_ + (1 - kForgets) * rate);
  const double outside = static_cast<double>(outcome.hits) - inside;
  outside_hits_ = kForgets * outside_hits_ + (1 - kForgets) * std::max(0.0, outside);
}

}  // namespace cw
