// Machines and processes made by hand, for doctor.
#pragma once

#include <cerrno>

#include "model/doctor_facts.h"

namespace cw::test {

inline Attempt done() {
  return {.made = true, .error = 0, .step = {}};
}
inline Attempt refused(const char* step, int error = EPERM) {
  return {.made = true, .error = error, .step = step};
}

inline HookFacts hook(const char* name, bool used, const char* when, std::optional<double> cost_ns,
                      std::optional<double> bystander_ns) {
  return {.name = name,
          .used = used,
          .when = when,
          .points = {name},
          .cost_ns = cost_ns,
          .bystander_ns = bystander_ns};
}

// Everything is allowed.
inline DoctorFacts root_on_a_host() {
  DoctorFacts facts;
  facts.host.host = "shop-3";
  facts.host.kernel = "6.1.0-50-cloud-amd64";
  facts.host.lockdown = "none";
  facts.host.unprivileged_bpf_disabled = 2;
  facts.host.perf_event_paranoid = 3;
  facts.host.counts_run_delay = true;
  facts.host.tracefs_mounted = true;
  facts.host.cgroup2 = "/sys/fs/cgroup";
  facts.kernel = {.type_information = done(),
                  .programs = done(),
                  .compiled = true,
                  .maps = done(),
                  .maps_in_maps = done(),
                  .typed_tracepoints = done(),
                  .function_hooks = done(),
                  .tracefs = done(),
                  .call_tracepoints = done(),
                  .many_uprobes = done(),
                  .uprobe_sessions = done()};
  facts.rights = {"CAP_BPF",
                  "CAP_PERFMON",
                  "CAP_SYS_PTRACE",
                  "CAP_DAC_READ_SEARCH",
                  "CAP_CHECKPOINT_RESTORE",
                  "CAP_SYS_ADMIN"};
  facts.hooks = {
      hook("functions", true, "the beginning and the end of each futex call", 52, 0.2),
      hook("tp_btf/signal_deliver", true, "each signal", 35, {}),
      hook("compat", false, "all system calls, while a 32-bit process is watched", {}, 155),
      hook("tracepoints", false, "", {}, {}),
  };
  return facts;
}

// Text patching is locked down, as on some virtual machines.
inline DoctorFacts root_with_tracepoints() {
  DoctorFacts facts = root_on_a_host();
  facts.kernel.function_hooks = refused("loading");
  facts.host.tracefs_mounted = false;
  facts.hooks[0] =
      hook("tracepoints", true, "the beginning and the end of each futex call", 112, 48);
  facts.hooks[3] = hook("functions", false, "", {}, {});
  return facts;
}

inline DoctorFacts ordinary_user() {
  DoctorFacts facts = root_on_a_host();
  facts.rights.clear();
  facts.host.tracefs_mounted = false;
  facts.kernel = {.type_information = done(),
                  .programs = refused("loading"),
                  .compiled = false,
                  .maps = refused("making one"),
                  .maps_in_maps = refused("making an inner one"),
                  .typed_tracepoints = refused("loading"),
                  .function_hooks = refused("loading"),
                  .tracefs = refused("opening"),
                  .call_tracepoints = {},
                  .many_uprobes = refused("loading"),
                  .uprobe_sessions = refused("loading")};
  facts.hooks.clear();
  facts.attach_error = "not permitted to load BPF programs";
  return facts;
}

inline ProbeSite site_at(AllocCall call, std::string function, std::uint64_t offset,
                         std::string instruction) {
  ProbeSite site;
  site.call = call;
  site.function = std::move(function);
  site.entry_vaddr = 0x98000;
  site.vaddr = site.entry_vaddr + offset;
  site.file_offset = site.vaddr;
  site.instruction = std::move(instruction);
  site.emulated = true;
  return site;
}

inline LockSites c_library_locks() {
  LockSite lock;
  lock.function = "pthread_mutex_lock";
  lock.module = "libc.so.6";
  lock.offset = 0x12;
  lock.file_offset = 0x8c472;
  lock.emulated = true;
  lock.instruction = "jne 0x8c500";
  lock.cost_ns = 690;
  LockSite unlock = lock;
  unlock.call = SectionCall::kUnlock;
  unlock.function = "pthread_mutex_unlock";
  unlock.offset = 0;
  unlock.emulated = false;
  unlock.why_entry = "the lock's address is overwritten before an emulated instruction";
  unlock.cost_ns = {};
  return {.sites = {lock, unlock}, .not_observable = {}};
}

inline AllocatorSites c_library_sites() {
  AllocatorSites sites;
  sites.allocator = "glibc 2.36";
  sites.module = "libc.so.6";
  sites.sites = {site_at(AllocCall::kMalloc, "malloc", 0, "push r12"),
                 site_at(AllocCall::kFree, "free", 3, "je 0x98fb8"),
                 site_at(AllocCall::kCalloc, "calloc", 0, "mov rax, rdi")};
  sites.sites[1].cost_ns = 540;
  sites.sites[2].emulated = false;
  sites.sites[2].why_entry = "an argument is overwritten before an emulated instruction";
  return sites;
}

inline ProcessFacts orders_process() {
  ProcessFacts process;
  process.pid = 4242;
  process.comm = "orders-api";
  process.maps_readable = true;
  process.memory_readable = true;
  process.calls_readable = true;
  process.files_openable = true;
  process.exe_readable = true;
  process.threads = 14;
  process.runtimes = {"C++", "glibc 2.36"};
  process.allocators = {"glibc 2.36"};
  process.sites = {c_library_sites()};
  process.lock_sites = c_library_locks();
  process.program_read = true;
  process.has_symtab = true;
  process.libraries = 5;
  return process;
}

}  // namespace cw::test
