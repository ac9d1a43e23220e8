#include "probes/burst_governor.h"

#include <algorithm>
#include <cmath>

namespace cw {
namespace {

constexpr Allowance::Bounds kBurstBounds{.unfelt = 0.0002, .kept_ns = 2e9};
constexpr double kFirstStacks = 48;  // in a window
constexpr double kRestNs = 20e6;     // between windows at least
constexpr double kWorthAttaching = 3;
constexpr double kBurstStallNs = 3e6;        // what probes may hold up one thread in one window
constexpr double kSleeps = 0.9;              // CPUs, of a process whose threads all do at times
constexpr double kOfSleepersNs = 2e6;        // their windows, at least, where
constexpr double kSleepersPeriodNs = 1.5e9;  // pays for one
constexpr double kReliedOn = 4;              // times as long
constexpr double kSlowsLittle = 0.02;        // share of one thread's time that probes take

// A program that is paced does its work each so many milliseconds: whole ones hold as much of it
// wherever they begin.
double in_whole_periods(double length_ns) {
  for (const double step_ns : {20e6, 4e6, 1e6})
    if (length_ns >= step_ns) return std::floor(length_ns / step_ns) * step_ns;
  return length_ns;
}

std::size_t index_of(ProbeSet set) {
  return static_cast<std::size_t>(set);
}

}  // namespace

BurstGovernor::BurstGovernor(double budget_share, ProbeCosts costs, std::uint64_t seed)
    : allowance_(budget_share, kBurstBounds, kProbeSets * (kShortestNs + costs.window_ns)),
      costs_(costs),
      random_(seed) {}

double BurstGovernor::cost_of(const WindowOutcome& outcome) const {
  return costs_.window_ns + costs_.hit_ns * static_cast<double>(outcome.hits) + outcome.cold_ns +
         costs_.stack_ns * static_cast<double>(outcome.stacks);
}

// Then nothing has to be extrapolated, and every window may as well count everything.
bool BurstGovernor::slows_little() const {
  return watched_ns_ == 0 || expected_rate(ProbeSet::kBoth) * hit_ns() < kSlowsLittle;
}

// Each set once, in an order that nothing in the process can be in step with.
ProbeSet BurstGovernor::next_set() {
  if (slows_little()) return ProbeSet::kBoth;
  if (place_ == 0) std::ranges::shuffle(order_, random_);
  const ProbeSet set = order_.at(place_);
  place_ = (place_ + 1) % kProbeSets;
  return set;
}

// Hits in each ns. Where allocations or frees alone were never tried they are not more than both;
// before anything was, as if one CPU did nothing but run into probes.
double BurstGovernor::expected_rate(ProbeSet set) const {
  for (const ProbeSet known : {set, ProbeSet::kBoth})
    if (const Seen& seen = seen_.at(index_of(known)); seen.ns > 0) return seen.hits / seen.ns;
  return 1 / hit_ns();
}

std::optional<double> BurstGovernor::hits_per_ns() const {
  if (seen_.at(index_of(ProbeSet::kBoth)).ns == 0) return std::nullopt;
  return expected_rate(ProbeSet::kBoth);
}

std::optional<WindowPlan> BurstGovernor::next(double cpus) {
  WindowPlan plan;
  plan.set = next_set();
  const double allowed = allowance_.per_ns(cpus);
  const double rate = expected_rate(plan.set);
  double length = kShortestNs;
  double stacks_per_hit = 0;
  plan.trial = watched_ns_ == 0;
  if (!plan.trial) {
    const double per_ns = std::max(rate * hit_ns(), 1e-9);
    // Nor is a rate relied on for much longer than it was seen.
    const double longest = std::min(std::clamp(kBurstStallNs / per_ns, kBurstStallNs, kLongestNs),
                                    std::max(kReliedOn * watched_ns_, kShortestNs));
    // As much as a period allows; at least a few times what attaching costs, or that would be all
    // it buys.
    const double attaching = costs_.window_ns + outside_hits_ * hit_ns();
    const double affordable =
        std::max(allowed * period_ns() - attaching, kWorthAttaching * attaching);
    length = std::clamp(affordable / per_ns, kShortestNs, longest);
    // Of work that comes in batches, a window shorter than the time between them says little.
    if (cpus < kSleeps && kOfSleepersNs * per_ns < allowed * kSleepersPeriodNs)
      length = std::max(length, std::min(kOfSleepersNs, longest));
    if (slows_little() || cpus < kSleeps) length = in_whole_periods(length);
  }
  const double hits = rate * length;
  // Stacks cost no more than half of what the hits do.
  const double most_stacks = settled_ < kFirstWindows
                                 ? std::min(kFirstStacks, costs_.stacks_a_window)
                                 : costs_.stacks_a_window;
  const double one_in =
      std::max(std::ceil(2 * costs_.stack_ns / hit_ns()), std::ceil(hits / most_stacks));
  stacks_per_hit = plan.set == ProbeSet::kFrees ? 0 : 1 / one_in;
  const double cost = costs_.window_ns + outside_hits_ * hit_ns() +
                      hits * (hit_ns() + stacks_per_hit * costs_.stack_ns);
  std::uniform_real_distribution<double> jitter(0.5, 1.5);
  const double pause = std::max(
      {period_ns() * jitter(random_) - attaching_ns_, kRestNs, allowance_.ns_until(cost, cpus)});
  if (pause > kRarestNs) return std::nullopt;
  plan.pause_ns = static_cast<std::uint64_t>(pause);
  plan.length_ns = static_cast<std::uint64_t>(length);
  plan.stacks_one_in = static_cast<std::uint32_t>(std::min(one_in, 1e6));
  plan.most_hits = static_cast<std::uint64_t>(kSurge * hits + kHitsLetPass);
  return plan;
}

void BurstGovernor::settle(const WindowPlan& plan, const WindowOutcome& outcome,
                           std::uint64_t elapsed_ns, double cpus) {
  allowance_.settle(cost_of(outcome), elapsed_ns, cpus);
  const auto attaching = static_cast<double>(elapsed_ns) - static_cast<double>(plan.pause_ns) -
                         static_cast<double>(outcome.length_ns);
  attaching_ns_ = std::clamp(attaching, 0.0, kPeriodNs);
  Seen& seen = seen_.at(index_of(plan.set));
  const auto hits = static_cast<double>(outcome.inside);
  const auto length = std::max(1.0, static_cast<double>(outcome.length_ns));
  // A surge counts at once; that it is over is believed slowly.
  const bool surge = hits * seen.ns > 2 * seen.hits * length && hits > kHitsLetPass;
  const double kept = surge ? 0 : kForgets;
  seen.hits = kept * seen.hits + hits;
  seen.ns = kept * seen.ns + length;
  watched_ns_ += length;
  ++settled_;
  const auto outside = static_cast<double>(outcome.hits - std::min(outcome.hits, outcome.inside));
  outside_hits_ = kForgets * outside_hits_ + (1 - kForgets) * outside;
  if (outcome.hits != 0)
    cold_hit_ns_ = kForgets * cold_hit_ns_ +
                   (1 - kForgets) * outcome.cold_ns / static_cast<double>(outcome.hits);
}

}  // namespace cw
