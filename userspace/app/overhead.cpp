#include "app/overhead.h"

#include <algorithm>

#include "model/clock.h"

namespace cw {
namespace {

constexpr double kSmallestPart = 1.0 / 2;  // where counting alone takes the budget

}  // namespace

void Overhead::calls_cost(const CallCosts& before, const CallCosts& after) {
  // Two hooks a call: what their programs take is measured in place, what getting there takes is
  // measured on ourselves.
  reaching_hook_ns_ = std::max(0.0, after.futex_wake_ns - before.futex_wake_ns) / 2;
  bystander_ns_ = std::max(0.0, after.plain_syscall_ns - before.plain_syscall_ns);
}

void Overhead::begin(const HookCost& cost) {
  at_report_ = at_look_ = cost;
  self_ = self_use();
  look_ns_ = monotonic_ns();
}

Spending Overhead::spent(const HookCost& before, const HookCost& after) const {
  Spending spending;
  spending.stacks_ns = grown_by(before.stacks_ns, after.stacks_ns);
  spending.stacks_taken = grown_by(before.stacks_taken, after.stacks_taken);
  spending.stacks_wanted = grown_by(before.stacks_wanted, after.stacks_wanted);
  const std::uint64_t programs_ns = grown_by(before.estimated_ns, after.estimated_ns);
  const double reaching =
      reaching_hook_ns_ * static_cast<double>(grown_by(before.runs, after.runs));
  spending.counting_ns =
      grown_by(spending.stacks_ns, programs_ns) + static_cast<std::uint64_t>(reaching);
  return spending;
}

StackSampling Overhead::adjust(const HookCost& cost, std::uint64_t target_cpu_ns) {
  const std::uint64_t now = monotonic_ns();
  Spending spending = spent(at_look_, cost);
  spending.elapsed_ns = grown_by(look_ns_, now);
  spending.target_cpu_ns = target_cpu_ns;
  at_look_ = cost;
  look_ns_ = now;
  const double budget = budget_pct_ / 100;
  const double part = stacks_share_ < 1 ? budget * (1 - stacks_share_) : budget;
  if (spending.target_cpu_ns != 0) {
    const double counting =
        static_cast<double>(spending.counting_ns) / static_cast<double>(spending.target_cpu_ns);
    left_for_windows_ = std::clamp(budget - counting, part * kSmallestPart, part);
  }
  sampling_ = next_sampling(spending, budget * stacks_share_, sampling_);
  return sampling_;
}

void Overhead::report(const HookCost& cost, double cpu_s, double interval_s, Fidelity& fidelity) {
  const Spending spending = spent(at_report_, cost);
  fidelity.budget_pct = budget_pct_;
  fidelity.bystander_ns_per_syscall = bystander_ns_;
  if (cpu_s > 0) {
    fidelity.counting_overhead_pct = static_cast<double>(spending.counting_ns) / 1e7 / cpu_s;
    fidelity.stacks_overhead_pct = static_cast<double>(spending.stacks_ns) / 1e7 / cpu_s;
    fidelity.target_overhead_pct = *fidelity.counting_overhead_pct + *fidelity.stacks_overhead_pct;
  }
  if (spending.stacks_wanted != 0)
    fidelity.stacks_sampled_share =
        static_cast<double>(spending.stacks_taken) / static_cast<double>(spending.stacks_wanted);
  const SelfUse use = self_use();
  if (interval_s > 0)
    fidelity.self_cpu_pct = static_cast<double>(use.cpu_ns - self_.cpu_ns) / 1e7 / interval_s;
  fidelity.self_rss_bytes = use.rss_bytes;
  self_ = use;
  at_report_ = cost;
}

double cpu_s_of(const Report& report) {
  double sum = 0;
  for (const ProcessReport& process : report.processes) sum += process.cpu_s;
  return sum;
}

std::optional<double> add_overhead(std::uint64_t cost_ns, Report& report) {
  const double cpu_s = cpu_s_of(report);
  if (cpu_s <= 0) return std::nullopt;
  const double percent = static_cast<double>(cost_ns) / 1e7 / cpu_s;
  std::optional<double>& all = report.fidelity.target_overhead_pct;
  all = all.value_or(0) + percent;
  return percent;
}

}  // namespace cw
