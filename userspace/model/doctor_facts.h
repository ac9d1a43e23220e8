// What doctor looks at: plain values, as they were found. Durations in nanoseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/alloc_site.h"
#include "model/go_sites.h"
#include "model/lock_site.h"

namespace cw {

// Something that was tried. What it rests on may have failed before: then it was not.
struct Attempt {
  bool made = false;
  int error = 0;     // errno
  std::string step;  // the one that failed: "loading", "attaching"...

  [[nodiscard]] bool worked() const { return made && error == 0; }
};

struct KernelFeatures {
  Attempt type_information;   // BTF
  Attempt programs;           // load and run a program without hook
  bool compiled = false;      // the kernel made machine code of it
  Attempt maps;               // hash maps
  Attempt maps_in_maps;       // with entries of different sizes: unwind tables
  Attempt typed_tracepoints;  // tp_btf
  Attempt function_hooks;     // fentry and fexit
  Attempt tracefs;
  Attempt call_tracepoints;      // of the system calls, by perf events
  Attempt many_uprobes = {};     // uprobe.multi: many places of a file at once
  Attempt uprobe_sessions = {};  // uprobe.session: the returns of only those calls that are wanted
};

struct HostFacts {
  std::string host;
  std::string kernel;                   // release
  std::optional<std::string> lockdown;  // "none", "integrity", "confidentiality"
  std::optional<int> unprivileged_bpf_disabled;
  std::optional<int> perf_event_paranoid;
  bool first_pid_namespace = true;  // the one all others are in
  bool first_user_namespace = true;
  bool counts_run_delay = false;
  bool tracefs_mounted = false;
  std::string cgroup2;               // where the unified hierarchy is mounted; empty: nowhere
  std::vector<std::string> cgroup1;  // controllers of the older ones
};

struct ProcessFacts {
  std::int32_t pid = 0;
  std::string comm;
  std::string problem;  // why it cannot be watched at all; then nothing else is known
  bool maps_readable = false;
  bool memory_readable = false;
  bool calls_readable = false;
  bool files_openable = false;  // by map_files
  bool exe_readable = false;
  bool is_32bit = false;
  bool other_pid_namespace = false;
  bool other_mount_namespace = false;
  std::int32_t innermost_pid = 0;  // its number in its own pid namespace
  std::uint64_t threads = 0;
  std::uint64_t children = 0;
  std::vector<std::string> runtimes;
  std::vector<std::string> allocators;
  std::vector<AllocatorSites> sites;  // where they would be probed
  LockSites lock_sites;
  GoSites go_sites;
  bool program_read = false;      // its symbol tables could be read
  bool has_symtab = false;        // the program: else only what it exports has a name
  std::uint64_t libraries = 0;    // mapped code files beside the program
  std::uint64_t with_symtab = 0;  // of these
};

// One way to see calls, or one hook of its own.
struct HookFacts {
  std::string name;
  bool used = false;
  std::string when;                    // what makes it run, or what it is for
  std::vector<std::string> points;     // what it is attached to
  std::optional<double> cost_ns;       // a hit, on a thread that is watched
  std::optional<double> bystander_ns;  // on every system call of threads that are not
};

struct DoctorFacts {
  HostFacts host;
  KernelFeatures kernel;
  std::vector<std::string> rights;  // capabilities that are held
  bool maps_take_rights = false;    // see Keep::kForMaps
  std::string forced_hooks;         // "functions", "tracepoints"; empty: whichever works
  std::vector<HookFacts> hooks;
  std::string attach_error;  // of the real programs; empty: they were attached
  bool with_children = false;
  std::vector<ProcessFacts> processes;
};

}  // namespace cw
