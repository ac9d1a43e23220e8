// What observing costs the observed and everybody else, and the budget held against it.
#pragma once

#include <cstdint>
#include <optional>

#include "app/self_cost.h"
#include "model/report.h"
#include "probes/lock_probes.h"
#include "probes/stack_budget.h"

namespace cw {

// CPU time of the processes that are reported on; 0: unknown.
double cpu_s_of(const Report& report);
// What probes have cost those processes in the interval, in percent of their CPU time: also added
// to the report's target_overhead_pct. Empty: it is not known how much they used.
std::optional<double> add_overhead(std::uint64_t cost_ns, Report& report);

class Overhead {
 public:
  // `stacks_share`: of the budget, what counting and stacks of locks may take.
  Overhead(double budget_pct, double stacks_share)
      : budget_pct_(budget_pct),
        stacks_share_(stacks_share),
        left_for_windows_(budget_pct / 100 * (stacks_share < 1 ? 1 - stacks_share : 1)) {}

  // Before and after the hooks were attached.
  void calls_cost(const CallCosts& before, const CallCosts& after);
  // Counts from here.
  void begin(const HookCost& cost);

  // A few times in each interval: how stacks are to be sampled now. `target_cpu_ns`: what the
  // watched processes used since the last time.
  StackSampling adjust(const HookCost& cost, std::uint64_t target_cpu_ns);
  // What counting left of the budget at the last look, for windows on allocators: their part of it
  // in full, as long as all fits; at least an eighth of that.
  [[nodiscard]] double left_for_windows() const { return left_for_windows_; }
  // At the end of an interval in which the processes that are reported on used `cpu_s`; 0: unknown.
  void report(const HookCost& cost, double cpu_s, double interval_s, Fidelity& fidelity);

 private:
  [[nodiscard]] Spending spent(const HookCost& before, const HookCost& after) const;

  double budget_pct_;
  double stacks_share_;
  double left_for_windows_ = 0;
  double reaching_hook_ns_ = 0;
  double bystander_ns_ = 0;
  HookCost at_report_;
  SelfUse self_;
  HookCost at_look_;
  std::uint64_t look_ns_ = 0;
  StackSampling sampling_;
};

}  // namespace cw
