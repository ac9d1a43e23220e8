#include "app/doctor.h"

#include <algorithm>
#include <cstdio>

#include "analysis/doctor.h"
#include "app/hook_costs.h"
#include "app/outputs.h"
#include "app/rights.h"
#include "model/rights.h"
#include "output/doctor.h"
#include "probes/features.h"
#include "process/host.h"
#include "process/proc.h"
#include "process/target.h"

namespace cw {
namespace {

std::string forced(HookSet set) {
  if (set == HookSet::kAutomatic) return {};
  return set == HookSet::kFunctions ? "functions" : "tracepoints";
}

DoctorFacts look_around(const Settings& settings) {
  DoctorFacts facts;
  facts.host = host_facts();
  for (const Right& right : kRights)
    if (holds_right(right.number)) facts.rights.emplace_back(right.name);
  facts.maps_take_rights = maps_take_rights();
  facts.kernel = try_features();
  facts.forced_hooks = forced(settings.hooks);
  facts.with_children = settings.children;
  for (const std::int32_t pid : settings.pids) facts.processes.push_back(process_facts(pid));
  const bool any_32bit = settings.pids.empty()
                             ? std::ranges::any_of(all_pids(), is_32bit)
                             : std::ranges::any_of(facts.processes, &ProcessFacts::is_32bit);
  MeasuredHooks measured = measure_hooks(settings.hooks, settings.uprobes, any_32bit);
  for (ProcessFacts& process : facts.processes) {
    for (LockSite& site : process.lock_sites.sites)
      if (site.emulated) site.cost_ns = measured.lock_emulated_ns;
    for (AllocatorSites& allocator : process.sites)
      for (ProbeSite& site : allocator.sites)
        site.cost_ns = site.emulated ? measured.emulated_ns : measured.single_stepped_ns;
  }
  facts.hooks = std::move(measured.hooks);
  facts.attach_error = std::move(measured.error);
  return facts;
}

}  // namespace

Result<Exit> doctor(const Settings& settings) {
  const DoctorReport report = diagnose(look_around(settings));
  const TextOptions text{.color = wants_color(settings.color)};
  const std::string output =
      settings.format == Format::kJson ? to_json(report) + "\n" : to_text(report, text);
  if (std::fputs(output.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    return fail(Exit::kFailed, "cannot write to standard output");
  if (report.ready) return Exit::kDone;
  return fail(report.no_process ? Exit::kNoProcess : Exit::kNotAllowed, report.summary);
}

}  // namespace cw
