#include "output/doctor.h"
#include "output/json_parts.h"

namespace cw {
namespace {

Json to_json(const Check& check) {
  Json object = {{"name", check.name}, {"group", name_of(check.group)}};
  if (check.pid) object["pid"] = *check.pid;
  object.update({{"ok", check.ok},
                 {"needed", check.needed},
                 {"value", check.value},
                 {"why", check.why},
                 {"cure", check.cure}});
  return object;
}

Json to_json(const HookFacts& hook) {
  Json object = {
      {"name", hook.name}, {"used", hook.used}, {"when", hook.when}, {"points", hook.points}};
  set_if(object, "cost_ns", hook.cost_ns);
  set_if(object, "bystander_ns", hook.bystander_ns);
  return object;
}

Json to_json(const ProbeSite& site) {
  Json object = {{"call", name_of(site.call)},
                 {"function", site.function},
                 {"offset", site.vaddr - site.entry_vaddr},
                 {"file_offset", site.file_offset},
                 {"instruction", site.instruction},
                 {"emulated", site.emulated}};
  if (!site.why_entry.empty()) object["why_entry"] = site.why_entry;
  set_if(object, "cost_ns", site.cost_ns);
  return object;
}

Json to_json(const LockSite& site) {
  Json object = {{"function", site.function},       {"module", site.module},
                 {"offset", site.offset},           {"file_offset", site.file_offset},
                 {"instruction", site.instruction}, {"emulated", site.emulated}};
  if (!site.why_entry.empty()) object["why_entry"] = site.why_entry;
  set_if(object, "cost_ns", site.cost_ns);
  return object;
}

Json to_json(const ProcessLocks& process) {
  return {{"pid", process.pid},
          {"not_observable", process.found.not_observable},
          {"sites", list(process.found.sites, to_json)}};
}

Json allocators_of(const DoctorReport& report) {
  Json array = Json::array();
  for (const ProcessAllocators& process : report.allocators) {
    for (const AllocatorSites& allocator : process.allocators) {
      Json sites = Json::array();
      for (const ProbeSite& site : allocator.sites) sites.push_back(to_json(site));
      array.push_back({{"pid", process.pid},
                       {"allocator", allocator.allocator},
                       {"module", allocator.module},
                       {"reach", name_of(allocator.reach)},
                       {"not_observable", allocator.not_observable},
                       {"sites", std::move(sites)}});
    }
  }
  return array;
}

Json to_json(const CapabilityReport& capability) {
  return {{"name", capability.name},
          {"held", capability.held},
          {"needed_for", capability.needed_for},
          {"needed_here", capability.needed_here},
          {"kept", capability.kept}};
}

}  // namespace

std::string to_json(const DoctorReport& report) {
  const Json object = {{"schema", "contentionwatch.doctor/1"},
                       {"host", report.host},
                       {"kernel", report.kernel},
                       {"ready", report.ready},
                       {"summary", report.summary},
                       {"checks", list(report.checks, to_json)},
                       {"hooks", list(report.hooks, to_json)},
                       {"allocators", allocators_of(report)},
                       {"lock_functions", list(report.locks, to_json)},
                       {"capabilities", list(report.capabilities, to_json)}};
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cw
