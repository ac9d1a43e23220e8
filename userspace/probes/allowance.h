// What a process may lose to windows in which it is probed: its part of the budget, saved up and
// spent, within bounds.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cw {

inline constexpr double kSurge = 3;  // times what was expected, and a window is closed early
inline constexpr double kHitsLetPass = 500;  // whatever was expected
inline constexpr double kForgets = 0.7;      // of what was seen, from window to window

class Allowance {
 public:
  struct Bounds {
    double unfelt = 0;   // of one CPU: so much is allowed anyhow, as nobody can measure it
    double kept_ns = 0;  // what was saved for longer than this is forfeited
  };

  // `budget_share`: of the process's CPU time. `credit_ns`: to begin with.
  Allowance(double budget_share, Bounds bounds, double credit_ns)
      : budget_share_(budget_share), bounds_(bounds), credit_ns_(credit_ns) {}

  // From now on.
  void set_budget(double budget_share) { budget_share_ = budget_share; }

  // What it may lose in each nanosecond, using so many CPUs.
  [[nodiscard]] double per_ns(double cpus) const {
    return std::max(budget_share_ * cpus, bounds_.unfelt);
  }
  // How long it takes from when it was last settled until so much can be paid.
  [[nodiscard]] double ns_until(double cost_ns, double cpus) const {
    return (cost_ns - credit_ns_) / per_ns(cpus);
  }
  // Of a window and the time since the one before.
  void settle(double cost_ns, std::uint64_t elapsed_ns, double cpus) {
    const double allowed = per_ns(cpus);
    credit_ns_ += allowed * static_cast<double>(elapsed_ns);
    credit_ns_ = std::min(credit_ns_, allowed * bounds_.kept_ns) - cost_ns;
  }

 private:
  double budget_share_;
  Bounds bounds_;
  double credit_ns_;  // not spent yet; below 0: overspent
};

}  // namespace cw
