#include <fmt/format.h>

#include <algorithm>

#include "analysis/doctor_checks.h"
#include "model/rights.h"

namespace cw {
namespace {

// What CAP_SYS_ADMIN includes: bpf_capable(), perfmon_capable() and checkpoint_restore_ns_capable()
// in the kernel's include/linux/capability.h.
bool is_part_of_sys_admin(const Right& right) {
  return right.number == CAP_BPF || right.number == CAP_PERFMON ||
         right.number == CAP_CHECKPOINT_RESTORE;
}

// Without rights it cannot be tried which hooks this kernel has: then this one may be named in
// vain.
bool serves_here(const Right& right, const DoctorFacts& facts) {
  return right.number != CAP_SYS_ADMIN || (takes_tracepoints(facts) && !facts.host.tracefs_mounted);
}

Check check_right(const Right& right, const DoctorFacts& facts) {
  const bool held = holds(facts, right.name);
  const bool by_admin = !held && is_part_of_sys_admin(right) && holds(facts, "CAP_SYS_ADMIN");
  const bool serves = serves_here(right, facts);
  Check check = row(std::string(right.name), held || by_admin || !serves,
                    held       ? "held"
                    : by_admin ? "part of CAP_SYS_ADMIN"
                               : "not held");
  check.group = CheckGroup::kRight;
  // What the others let us see is checked by looking.
  check.needed = right.number == CAP_BPF || right.number == CAP_PERFMON;
  if (!serves) check.value += ", not needed here";
  check.why = fmt::format("{}; {} after start", right.needed_for,
                          is_kept(right, facts.maps_take_rights) ? "kept" : "given up");
  if (!check.ok) check.cure = fmt::format("run with sudo, or grant {}", right.name);
  return check;
}

}  // namespace

bool holds(const DoctorFacts& facts, std::string_view right) {
  return std::ranges::find(facts.rights, right) != facts.rights.end();
}

std::vector<CapabilityReport> capabilities_of(const DoctorFacts& facts) {
  std::vector<CapabilityReport> all;
  all.reserve(kRights.size());
  for (const Right& right : kRights)
    all.push_back({.name = std::string(right.name),
                   .held = holds(facts, right.name),
                   .needed_for = std::string(right.needed_for),
                   .needed_here = serves_here(right, facts),
                   .kept = is_kept(right, facts.maps_take_rights)});
  return all;
}

std::vector<Check> check_rights(const DoctorFacts& facts) {
  std::vector<Check> checks;
  checks.reserve(kRights.size());
  for (const Right& right : kRights) checks.push_back(check_right(right, facts));
  return checks;
}

}  // namespace cw
