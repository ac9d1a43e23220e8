#include "app/go_program.h"

#include <algorithm>
#include <utility>

#include "analysis/goroutines.h"
#include "model/clock.h"

namespace cw {
namespace {

constexpr std::uint64_t kShortestWindowNs = 30'000'000;
constexpr std::uint64_t kLongestWindowNs = 2'000'000'000;
constexpr std::uint64_t kAwaitedWindowNs = 100'000'000;  // up to so long a look waits for its end
constexpr std::uint64_t kWaitsInWindow = 4;              // one after the other
constexpr double kSavedForNs = 1e9;  // what is allowed in so long pays for a window
constexpr double kDebtNs = 1e10;     // what is allowed in so long, overspent
// A thousandth of a CPU is allowed anyhow: else nothing would be seen of programs that hardly run.
constexpr Allowance::Bounds kGoBounds{.unfelt = 0.001, .kept_ns = 2e9};
constexpr double kNearlyAll = 0.97;  // of an interval: reports and looks have lengths of their own

}  // namespace

GoProgram::GoProgram(std::int32_t pid, ImageId image, GoSites sites, double budget_share)
    : pid_(pid),
      image_(image),
      sites_(std::move(sites)),
      allowance_(budget_share, kGoBounds, budget_share * kGoBounds.kept_ns),
      settled_ns_(monotonic_ns()) {}

void GoProgram::use(double cpus, double budget_share) {
  cpus_ = cpus;
  allowance_.set_budget(budget_share);
}

void GoProgram::take(std::size_t place, const GoroutineProbes& probes) {
  place_ = place;
  settled_hits_ = probes.hits(place);
}

void GoProgram::give_back(GoroutineProbes& probes) {
  disarm(probes);
  place_.reset();
}

void GoProgram::settle(const GoroutineProbes& probes) {
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t hits = place_ ? probes.hits(*place_) : settled_hits_;
  const std::uint64_t elapsed = std::max<std::uint64_t>(1, now - settled_ns_);
  const auto passed = static_cast<double>(hits - settled_hits_);
  const double cost = passed * (hit_ns_ + program_ns_);
  allowance_.settle(cost, elapsed, cpus_);
  if (armed_ && elapsed >= kShortestWindowNs) cost_per_ns_ = cost / static_cast<double>(elapsed);
  cost_ns_ += static_cast<std::uint64_t>(passed * hit_ns_);
  settled_ns_ = now;
  settled_hits_ = hits;
}

bool GoProgram::may_stay() const {
  return cost_per_ns_.value_or(0) <= allowance_.per_ns(cpus_);
}

// The dearer it is, the shorter; but long enough that most waits that begin in it are seen to end.
std::uint64_t GoProgram::next_window_ns() const {
  const double cost = cost_per_ns_.value_or(0);
  const double paid = cost > 0 ? allowance_.per_ns(cpus_) * kSavedForNs / cost : 0;
  const auto affordable = static_cast<std::uint64_t>(std::min(paid, double{kAwaitedWindowNs}));
  const std::uint64_t waits =
      kWaitsInWindow * std::min(std::max(wait_ns_, cut_ns_), kLongestWindowNs);
  return std::clamp(std::max(affordable, waits), kShortestWindowNs, kLongestWindowNs);
}

bool GoProgram::can_afford(std::uint64_t window_ns) const {
  const double cost = cost_per_ns_.value_or(0) * static_cast<double>(window_ns);
  const double most = 0.9 * allowance_.per_ns(cpus_) * kGoBounds.kept_ns;
  return allowance_.ns_until(std::min(cost, most), cpus_) <= 0;
}

void GoProgram::arm(const GoroutineProbes& probes) {
  auto armed = probes.arm(pid_, sites_, place_.value_or(0));
  if (!armed) {
    if (armed.error().exit != Exit::kNoProcess) refused_ = armed.error().message;
    return;
  }
  armed_ = std::move(*armed);
  settle(probes);
  began_ns_ = settled_ns_;
  counted_ns_ = settled_ns_;
}

// Those that have begun to wait are seen to end until the last probe is gone.
void GoProgram::disarm(GoroutineProbes& probes) {
  if (!armed_) return;
  settle(probes);
  seen_ns_ += settled_ns_ - std::min(settled_ns_, counted_ns_);
  armed_.reset();
  cut_ns_ = probes.forget_waits(image_).longest_ns;
}

bool GoProgram::look(GoroutineProbes& probes, double hit_ns, double program_ns) {
  hit_ns_ = hit_ns;
  program_ns_ = program_ns;
  settle(probes);
  if (!armed_) return begin_window(probes);
  if (may_stay()) return false;
  if (!probes.can_arm_again())
    give_up_in_debt(probes);
  else if (settled_ns_ >= began_ns_ + window_ns_)
    disarm(probes);
  return false;
}

bool GoProgram::begin_window(GoroutineProbes& probes) {
  window_ns_ = next_window_ns();
  if (!can_afford(window_ns_)) return false;
  arm(probes);
  // A later look closes it, or none.
  if (!armed_ || window_ns_ > kAwaitedWindowNs || !probes.can_arm_again()) return false;
  sleep_until(monotonic_ns() + window_ns_);
  settle(probes);
  if (!may_stay()) disarm(probes);
  return true;
}

// Once only, so that it takes more than a surge.
void GoProgram::give_up_in_debt(GoroutineProbes& probes) {
  if (allowance_.ns_until(0, cpus_) < kDebtNs) return;
  disarm(probes);
  refused_ = "waited for too often for the budget, and before Linux 6.6 there are no windows";
}

double GoProgram::take_seen_share(const Interval& interval) {
  if (armed_ && interval.end_ns > counted_ns_) {
    seen_ns_ += interval.end_ns - counted_ns_;
    counted_ns_ = interval.end_ns;
  }
  if (const std::uint64_t wait_ns = goroutine_wait_ns(interval, image_); wait_ns != 0)
    wait_ns_ = wait_ns;
  const auto length = static_cast<double>(std::max<std::uint64_t>(1, interval.length_ns()));
  const double share = static_cast<double>(std::exchange(seen_ns_, 0)) / length;
  return share >= kNearlyAll ? 1 : share;
}

std::uint64_t GoProgram::take_cost_ns() {
  return std::exchange(cost_ns_, 0);
}

}  // namespace cw
