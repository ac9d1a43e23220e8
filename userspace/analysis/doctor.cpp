#include "analysis/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/doctor_checks.h"
#include "output/format.h"

namespace cw {
namespace {

constexpr double kNoCost = 1;  // ns: what cannot be told from no cost at all

// "tracepoints; 48 ns on every system call of the machine"
std::string price(const DoctorFacts& facts) {
  std::vector<std::string> used;
  double bystander_ns = 0;
  for (const HookFacts& hook : facts.hooks) {
    if (!hook.used || !hook.bystander_ns) continue;
    used.push_back(hook.name);
    bystander_ns += *hook.bystander_ns;
  }
  return join(used, " and ") + (bystander_ns < kNoCost
                                    ? "; no measurable cost to other system calls"
                                    : fmt::format("; {} on every system call of the machine",
                                                  format_duration(bystander_ns)));
}

std::string whom(const DoctorFacts& facts) {
  if (facts.processes.empty()) return "everything needed is here";
  std::vector<std::string> names;
  names.reserve(facts.processes.size());
  for (const ProcessFacts& process : facts.processes)
    names.push_back(fmt::format("{} {}", process.pid, process.comm));
  return fmt::format("pid {} can be observed", join(names, ", "));
}

std::string ready_text(const DoctorFacts& facts, const std::vector<Check>& checks) {
  const auto limits = std::ranges::count_if(
      checks, [](const Check& check) { return !check.ok && check.group != CheckGroup::kHook; });
  std::string text = fmt::format("ready: {} ({})", whom(facts), price(facts));
  if (limits != 0)
    text += fmt::format("; {} below",
                        limits == 1 ? "a limit is" : fmt::format("{} limits are", limits));
  return text;
}

// Several missing rights are one reason.
std::string rights_text(const std::vector<Check>& checks) {
  std::vector<std::string> missing;
  for (const Check& check : checks)
    if (check.group == CheckGroup::kRight && check.needed && !check.ok)
      missing.push_back(check.name);
  if (missing.empty()) return {};
  const std::string names = join(missing, " and ");
  return fmt::format("{} {} missing: run with sudo, or grant {}", names,
                     missing.size() == 1 ? "is" : "are", missing.size() == 1 ? "it" : "them");
}

// A process that is not there first, then what the rest stands on: checks come in that order.
std::string obstacle(const std::vector<Check>& checks) {
  const auto failed = [](const Check& check) { return check.needed && !check.ok; };
  const auto process = std::ranges::find_if(checks, [&](const Check& check) {
    return failed(check) && check.group == CheckGroup::kProcess;
  });
  if (process != checks.end()) return process->value;
  if (std::string text = rights_text(checks); !text.empty()) return text;
  const auto first = std::ranges::find_if(checks, failed);
  if (first == checks.end()) return {};
  std::string text = fmt::format("{}: {}", first->name, first->value);
  if (!first->cure.empty()) text += ": " + first->cure;
  return text;
}

}  // namespace

DoctorReport diagnose(const DoctorFacts& facts) {
  DoctorReport report;
  report.host = facts.host.host;
  report.kernel = facts.host.kernel;
  report.checks = check_rights(facts);
  const auto add = [&](std::vector<Check> checks) {
    std::ranges::move(checks, std::back_inserter(report.checks));
  };
  add(check_kernel(facts));
  add(check_hooks(facts));
  for (const ProcessFacts& process : facts.processes) {
    add(check_process(process, facts));
    report.no_process = report.no_process || !process.problem.empty();
    if (!process.sites.empty())
      report.allocators.push_back({.pid = process.pid, .allocators = process.sites});
    const bool found_some =
        !process.lock_sites.sites.empty() || !process.lock_sites.not_observable.empty();
    if (found_some && facts.kernel.many_uprobes.worked() && facts.attach_error.empty())
      report.locks.push_back({.pid = process.pid, .found = process.lock_sites});
  }
  report.hooks = facts.hooks;
  report.capabilities = capabilities_of(facts);
  const std::string reason = obstacle(report.checks);
  report.ready = reason.empty();
  report.summary = report.ready ? ready_text(facts, report.checks) : "cannot observe: " + reason;
  return report;
}

}  // namespace cw
