// When to attach probes to an allocator, and for how long: as often as the budget pays for. Knows
// nothing of probes; a simulation can drive it as well as the real thing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>

#include "model/alloc_snapshot.h"
#include "probes/allowance.h"

namespace cw {

// What the observed process pays, and for what.
struct ProbeCosts {
  double hit_ns = 700;          // one run of a probe's program
  double stack_ns = 2'000;      // one stack
  double window_ns = 60'000;    // attaching and detaching once: page table work and flushes
  double stacks_a_window = 48;  // about so many are enough, once there are windows enough for rates
};

struct WindowPlan {
  ProbeSet set = ProbeSet::kBoth;
  std::uint64_t pause_ns = 0;  // from the end of the one before
  std::uint64_t length_ns = 0;
  std::uint32_t stacks_one_in = 1;
  std::uint64_t most_hits = 0;  // the window is to be closed early when there are more
  bool trial = false;  // to learn what passes: its length was chosen blindly, it counts for nothing
};

struct WindowOutcome {
  std::uint64_t length_ns = 0;
  std::uint64_t inside = 0;  // hits in that time
  std::uint64_t hits = 0;    // all, from attaching to having detached
  std::uint64_t stacks = 0;
  double cold_ns = 0;  // that hits took beside ProbeCosts::hit_ns each
};

class BurstGovernor {
 public:
  // Windows are about this far apart when money is no object; the first ones less, so that a few
  // seconds make a rate.
  static constexpr double kPeriodNs = 300e6;
  static constexpr double kFirstPeriodNs = 150e6;
  static constexpr unsigned kFirstWindows = 18;
  static constexpr double kShortestNs = 0.5e6;
  static constexpr double kLongestNs = 100e6;
  // Rarer than this tells nothing.
  static constexpr double kRarestNs = 30e9;

  // `budget_share`: of the process's CPU time.
  BurstGovernor(double budget_share, ProbeCosts costs, std::uint64_t seed);

  void set_budget(double share) { allowance_.set_budget(share); }

  // The next window; empty: even the shortest would be too dear to be opened now and then.
  // `cpus`: how many the process used lately.
  std::optional<WindowPlan> next(double cpus);
  // What came of it. `elapsed_ns`: since the last time.
  void settle(const WindowPlan& plan, const WindowOutcome& outcome, std::uint64_t elapsed_ns,
              double cpus);

  [[nodiscard]] double cost_of(const WindowOutcome& outcome) const;
  // Calls of both kinds in each ns while they are probed; empty: none were tried yet.
  [[nodiscard]] std::optional<double> hits_per_ns() const;

 private:
  [[nodiscard]] double expected_rate(ProbeSet set) const;
  [[nodiscard]] double hit_ns() const { return costs_.hit_ns + cold_hit_ns_; }
  [[nodiscard]] bool slows_little() const;
  ProbeSet next_set();
  [[nodiscard]] double period_ns() const {
    return settled_ < kFirstWindows ? kFirstPeriodNs : kPeriodNs;
  }

  Allowance allowance_;  // at first what it takes to try each set once
  ProbeCosts costs_;
  std::mt19937_64 random_;
  struct Seen {  // fading
    double hits = 0;
    double ns = 0;
  };
  std::array<Seen, kProbeSets> seen_{};
  std::uint64_t settled_ = 0;  // windows
  double watched_ns_ = 0;
  double attaching_ns_ = 0;  // how long it took to attach and detach, other than the window
  double outside_hits_ = 0;  // of one window, while its probes come and go
  double cold_hit_ns_ = 0;   // that a hit takes beside costs_.hit_ns
  std::array<ProbeSet, kProbeSets> order_{ProbeSet::kAllocs, ProbeSet::kFrees, ProbeSet::kBoth};
  unsigned place_ = 0;
};

}  // namespace cw
