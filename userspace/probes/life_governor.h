// When to follow blocks of an allocator, for how long, and how many of them: as often as its part
// of the budget pays for. Knows nothing of probes, like BurstGovernor.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "probes/allowance.h"

namespace cw {

// What the observed process pays.
struct LifeCosts {
  double hit_ns = 700;        // one run of a probe's program
  double sample_ns = 3'500;   // a call whose result is awaited: its stack, and a second probe
  double window_ns = 90'000;  // attaching and detaching once
};

struct LifePlan {
  std::uint64_t due_ns = 0;  // after the end of the one before, at least
  std::uint64_t length_ns = 0;
  std::uint32_t one_in = 1;
  std::uint64_t most_hits = 0;  // the window is to be closed early when there are more
};

struct LifeOutcome {
  std::uint64_t length_ns = 0;
  std::uint64_t inside = 0;  // hits in that time
  std::uint64_t hits = 0;    // all, from attaching to having detached
  std::uint64_t samples = 0;
};

class LifeGovernor {
 public:
  // Windows are about this far apart when money is no object.
  static constexpr double kPeriodNs = 1e9;
  // Half of a window's blocks are seen for a millisecond at least.
  static constexpr double kShortestNs = 4e6;
  static constexpr double kLongestNs = 60e6;
  static constexpr double kRarestNs = 30e9;

  // `budget_share`: of the process's CPU time.
  LifeGovernor(double budget_share, LifeCosts costs, std::uint64_t seed);

  // The next window, given how many calls passed in each nanosecond while nothing but counting was
  // going on; empty: it would be too dear to be opened now and then.
  std::optional<LifePlan> next(double cpus, double hits_per_ns);
  // What came of it. `elapsed_ns`: since the last time.
  void settle(const LifeOutcome& outcome, std::uint64_t elapsed_ns, double cpus);

  // From now on.
  void set_budget(double budget_share) { allowance_.set_budget(budget_share); }

  [[nodiscard]] double cost_of(const LifeOutcome& outcome) const;

 private:
  Allowance allowance_;
  LifeCosts costs_;
  std::mt19937_64 random_;
  double outside_hits_ = 0;  // of one window, while its probes come and go
  double hits_per_ns_ = 0;   // in windows of ours, fading; 0: none yet
};

}  // namespace cw
