#include <fmt/format.h>

#include <algorithm>

#include "analysis/doctor_checks.h"
#include "output/format.h"

namespace cw {
namespace {

// `rights`: what it takes.
Check readable(const DoctorFacts& facts, const char* name, bool ok, const char* shows,
               std::initializer_list<const char*> rights) {
  Check check = row(name, ok, ok ? "readable" : "not readable");
  check.why = shows;
  if (ok) return check;
  std::vector<std::string> missing;
  for (const char* right : rights)
    if (!holds(facts, right)) missing.emplace_back(right);
  check.cure = missing.empty()
                   ? "a security module or kernel.yama.ptrace_scope=3 forbids it: have it allowed"
                   : "run with sudo, or grant " + join(missing, " and ");
  return check;
}

Check program(const ProcessFacts& process) {
  Check check = row("program", true, process.is_32bit ? "32-bit" : "64-bit");
  if (process.is_32bit) check.why = "seen by hooks on all system calls";
  return check;
}

Check runtime(const ProcessFacts& process) {
  std::vector<std::string> parts = process.runtimes;
  for (const std::string& allocator : process.allocators)
    if (std::ranges::find(parts, allocator) == parts.end()) parts.push_back(allocator);
  Check check = row("runtime", true, parts.empty() ? "not recognised" : join(parts, ", "));
  if (std::ranges::find(parts, "Go") == parts.end()) return check;
  if (!process.go_sites.sites.empty()) {
    check.why = "goroutines that wait for a sync.Mutex are seen by probes on its runtime";
    return check;
  }
  check.ok = false;
  check.why = "goroutines that wait for a sync.Mutex are not seen";
  if (!process.go_sites.why_none.empty()) check.why += ": " + process.go_sites.why_none;
  check.cure = "Go's own mutex profile for those";
  return check;
}

// What can be counted of its allocations; where, is listed on its own.
Check allocations(const ProcessFacts& process) {
  std::vector<std::string> seen;
  std::vector<std::string> unseen;
  for (const AllocatorSites& allocator : process.sites) {
    if (!allocator.sites.empty()) seen.push_back(allocator.allocator);
    if (allocator.reach == AllocatorReach::kShadowed) continue;
    for (const std::string& reason : allocator.not_observable)
      unseen.push_back(allocator.allocator + ": " + reason);
  }
  Check check = row("allocations", unseen.empty() && !seen.empty(), "no allocator was found");
  if (!seen.empty()) check.value = "of " + join(seen, ", ");
  if (seen.empty() && !unseen.empty()) check.value = "not observable";
  check.why = join(unseen, "; ");
  return check;
}

std::string libraries(const ProcessFacts& process) {
  if (process.libraries == 0) return {};
  if (process.with_symtab == process.libraries) return "so are all its libraries";
  return fmt::format("{} of {} libraries name only what they export",
                     format_count(process.libraries - process.with_symtab),
                     format_count(process.libraries));
}

Check symbols(const ProcessFacts& process) {
  Check check = row("symbols", process.has_symtab, "named in full");
  check.why = libraries(process);
  if (check.ok) return check;
  check.value = process.program_read ? "stripped: only what it exports has a name" : "not readable";
  if (process.program_read)
    check.cure = "a program that was not stripped; until then: module and offset";
  return check;
}

Check namespaces(const ProcessFacts& process) {
  Check check = row("namespaces", true, "the machine's");
  std::vector<std::string> own;
  if (process.other_pid_namespace)
    own.push_back(fmt::format("pid {} in its own", process.innermost_pid));
  if (process.other_mount_namespace) own.emplace_back("files of its own");
  if (!own.empty()) check.value = "a container's: " + join(own, ", ");
  return check;
}

Check children(const ProcessFacts& process, bool with_children) {
  Check check = row("children", with_children || process.children == 0, "none");
  if (process.children != 0)
    check.value = process.children == 1 ? "1 child" : format_count(process.children) + " children";
  if (!check.ok) {
    check.why = "would not be watched";
    check.cure = "add --children";
  }
  return check;
}

}  // namespace

std::vector<Check> check_process(const ProcessFacts& process, const DoctorFacts& facts) {
  const bool there = process.problem.empty();
  std::vector<Check> checks = {row("process", there,
                                   there ? fmt::format("pid {} {}, {}", process.pid, process.comm,
                                                       format_plural(process.threads, "thread"))
                                         : process.problem)};
  checks.front().needed = true;
  if (there)
    for (Check& check : std::vector<Check>{
             program(process), namespaces(process),
             readable(facts, "maps", process.maps_readable, "names of functions and locks",
                      {"CAP_SYS_PTRACE"}),
             readable(facts, "memory", process.memory_readable, "owners of locks",
                      {"CAP_SYS_PTRACE"}),
             readable(facts, "calls", process.calls_readable, "waits that began before us",
                      {"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}),
             readable(facts, "mapped files", process.files_openable,
                      "names in files that were deleted or replaced",
                      {"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE"}),
             runtime(process), allocations(process), symbols(process),
             children(process, facts.with_children)})
      checks.push_back(std::move(check));
  for (Check& check : checks) {
    check.group = CheckGroup::kProcess;
    check.pid = process.pid;
  }
  return checks;
}

}  // namespace cw
