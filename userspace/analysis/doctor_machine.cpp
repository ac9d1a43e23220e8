#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "analysis/doctor_checks.h"

namespace cw {
namespace {

constexpr const char* kGrant = "run with sudo, or grant CAP_BPF and CAP_PERFMON";

std::string outcome(const Attempt& attempt, const std::string& done) {
  if (!attempt.made) return "not tried: what it rests on failed";
  return attempt.worked() ? done
                          : fmt::format("{}: {}", attempt.step, std::strerror(attempt.error));
}

std::string cure_for(const Attempt& attempt, const std::string& where_allowed) {
  if (attempt.worked() || !attempt.made) return {};
  return attempt.error == EPERM || attempt.error == EACCES ? kGrant : where_allowed;
}

Check needed(const char* name, const Attempt& attempt, const std::string& done,
             const char* config) {
  Check check = row(name, attempt.worked(), outcome(attempt, done));
  check.needed = true;
  check.cure = cure_for(attempt, fmt::format("a kernel with {}", config));
  return check;
}

Check lockdown(const HostFacts& host) {
  Check check = row("lockdown", host.lockdown != "confidentiality",
                    host.lockdown.value_or("not in this kernel"));
  if (check.ok) return check;
  check.why = "it keeps programs from reading what they trace";
  check.cure = "boot with lockdown=integrity, or without it";
  return check;
}

Check setting(const char* name, const std::optional<int>& value, int open_to_all, const char* why) {
  Check check = row(name, true, value ? std::to_string(*value) : "not there");
  if (value && *value > open_to_all) check.why = why;
  return check;
}

Check compiler(const KernelFeatures& kernel) {
  Check check = row("compiler", kernel.compiled, "programs run as machine code");
  if (kernel.compiled) return check;
  const bool interpreted = kernel.programs.worked();
  check.value = interpreted ? "programs are interpreted" : "not tried: no program was loaded";
  check.why = "every hook costs several times as much, and functions cannot be hooked";
  if (interpreted) check.cure = "sysctl net.core.bpf_jit_enable=1";
  return check;
}

Check tracefs(const DoctorFacts& facts) {
  const Attempt& attempt = facts.kernel.tracefs;
  const bool mounted = facts.host.tracefs_mounted;
  Check check = row("tracefs", attempt.worked() || !takes_tracepoints(facts),
                    outcome(attempt, mounted ? "opens, and is mounted" : "opens, mounted nowhere"));
  check.needed = takes_tracepoints(facts);
  check.why = "the numbers of the tracepoints";
  if (!check.ok)
    check.cure = mounted
                     ? "run with sudo, or grant CAP_DAC_READ_SEARCH"
                     : "run with sudo, or mount it: mount -t tracefs tracefs /sys/kernel/tracing";
  return check;
}

Check run_delay(const HostFacts& host) {
  Check check = row("run-queue delay", host.counts_run_delay,
                    host.counts_run_delay ? "counted" : "not counted");
  check.why = "tells lack of CPU from waiting for a lock";
  if (!check.ok) check.cure = "a kernel with CONFIG_TASK_DELAY_ACCT or CONFIG_SCHEDSTATS";
  return check;
}

Check cgroups(const HostFacts& host) {
  std::vector<std::string> found;
  if (!host.cgroup2.empty()) found.push_back("v2 at " + host.cgroup2);
  if (!host.cgroup1.empty()) found.push_back("v1: " + join(host.cgroup1, ", "));
  Check check = row("cgroups", !found.empty(), found.empty() ? "not mounted" : join(found, "; "));
  check.why = "for --cgroup";
  if (!check.ok) check.cure = "mount -t cgroup2 cgroup2 /sys/fs/cgroup";
  return check;
}

Check name_space(const char* name, bool is_first, const char* why, const char* cure) {
  Check check = row(name, is_first, is_first ? "the machine's" : "a container's own");
  check.needed = true;
  if (check.ok) return check;
  check.why = why;
  check.cure = cure;
  return check;
}

Check function_hooks(const DoctorFacts& facts) {
  const Attempt& attempt = facts.kernel.function_hooks;
  Check check = row("functions", attempt.worked(), outcome(attempt, "can be hooked"));
  check.needed = takes_functions(facts);
  if (check.ok) return check;
  const bool rights_suffice = facts.kernel.typed_tracepoints.worked();
  if (attempt.error == EPERM && rights_suffice)
    check.why = "this kernel does not let its code be patched";
  if (facts.forced_hooks == "functions")
    check.cure = "leave --hooks at auto";
  else if (attempt.made && rights_suffice)
    check.cure = "none needed: tracepoints serve, at a cost to all system calls";
  else
    check.cure =
        cure_for(attempt, "a kernel with CONFIG_FUNCTION_TRACER and CONFIG_DEBUG_INFO_BTF");
  return check;
}

Check call_tracepoints(const DoctorFacts& facts) {
  const Attempt& attempt = facts.kernel.call_tracepoints;
  Check check = row("tracepoints", attempt.worked(), outcome(attempt, "can be hooked"));
  check.needed = takes_tracepoints(facts);
  check.why = "of the system calls";
  check.cure = cure_for(attempt, "a kernel with CONFIG_FTRACE_SYSCALLS");
  return check;
}

Check typed_tracepoints(const DoctorFacts& facts) {
  Check check = needed("typed tracepoints", facts.kernel.typed_tracepoints, "can be hooked",
                       "CONFIG_DEBUG_INFO_BTF");
  check.why = "the ends of threads and processes, signals";
  return check;
}

Check our_programs(const DoctorFacts& facts) {
  const bool attached = facts.attach_error.empty();
  Check check =
      row("our programs", attached, attached ? "attached, and detached again" : facts.attach_error);
  check.needed = true;
  return check;
}

Check uprobes(const KernelFeatures& kernel) {
  Check check = row("uprobes", kernel.many_uprobes.worked() && kernel.uprobe_sessions.worked(),
                    "uprobe.multi, uprobe.session");
  check.why = "probes on allocators, and on taking locks";
  if (!kernel.many_uprobes.worked()) {
    check.value = "one by one: " + outcome(kernel.many_uprobes, "");
    check.why +=
        ": windows are rarer, blocks are not followed, how long locks are held is not seen";
    check.cure = cure_for(kernel.many_uprobes, "Linux 6.6 for uprobe.multi, 6.13 for sessions");
  } else if (!check.ok) {
    check.value = "uprobe.multi, no uprobe.session";
    check.why += ": following blocks costs more";
    check.cure = "Linux 6.13 for uprobe.session";
  }
  return check;
}

}  // namespace

bool takes_functions(const DoctorFacts& facts) {
  if (!facts.forced_hooks.empty()) return facts.forced_hooks == "functions";
  return facts.kernel.function_hooks.worked();
}

bool takes_tracepoints(const DoctorFacts& facts) {
  return !takes_functions(facts);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : separator).append(part);
  return text;
}

Check row(std::string name, bool ok, std::string value) {
  Check check;
  check.name = std::move(name);
  check.ok = ok;
  check.value = std::move(value);
  return check;
}

std::vector<Check> check_kernel(const DoctorFacts& facts) {
  const HostFacts& host = facts.host;
  const KernelFeatures& kernel = facts.kernel;
  return {
      row("version", true, host.kernel),
      name_space("user namespace", host.first_user_namespace,
                 "capabilities inside of one do not count for the kernel as a whole",
                 "run on the host, or in a container without a user namespace"),
      name_space("pid namespace", host.first_pid_namespace,
                 "hooks see processes by their numbers outside",
                 "run on the host, or in a container that shares its processes (--pid=host)"),
      lockdown(host),
      setting("unprivileged_bpf_disabled", host.unprivileged_bpf_disabled, 0,
              "programs take CAP_BPF"),
      setting("perf_event_paranoid", host.perf_event_paranoid, -1, "tracepoints take CAP_PERFMON"),
      needed("type information", kernel.type_information, "/sys/kernel/btf/vmlinux",
             "CONFIG_DEBUG_INFO_BTF"),
      needed("BPF programs", kernel.programs, "load and run", "CONFIG_BPF_SYSCALL"),
      compiler(kernel),
      needed("BPF maps", kernel.maps, "can be made", "CONFIG_BPF_SYSCALL"),
      needed("maps in maps", kernel.maps_in_maps, "can be made", "BPF, 5.10 or newer"),
      tracefs(facts),
      run_delay(host),
      cgroups(host)};
}

std::vector<Check> check_hooks(const DoctorFacts& facts) {
  std::vector<Check> checks = {function_hooks(facts), call_tracepoints(facts),
                               typed_tracepoints(facts), uprobes(facts.kernel),
                               our_programs(facts)};
  for (Check& check : checks) check.group = CheckGroup::kHook;
  return checks;
}

}  // namespace cw
