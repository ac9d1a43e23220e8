// Which program goes on which hook, and how it gets there.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "probes/lock_probes.h"
#include "probes/skeleton.h"

namespace cw {

struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkDeleter>;

// What kAutomatic means on this kernel; any other set is itself.
HookSet resolved(HookSet set);

// What load(set) makes for the set that is wanted; `taken` is the one it is for.
template <typename Load>
auto load_for(HookSet wanted, HookSet& taken, const Load& load) {
  taken = resolved(wanted);
  auto loaded = load(taken);
  // Functions can be hooked, but not all of these.
  if (!loaded && wanted == HookSet::kAutomatic && taken == HookSet::kFunctions) {
    taken = HookSet::kTracepoints;
    loaded = load(taken);
  }
  return loaded;
}

// Chooses the programs to load for a set of hooks; `functions` without what this kernel lacks.
// Those for 32-bit callers and for goroutines are left out.
void select_programs(bpf_object* object, HookSet set);
void select_compat_programs(bpf_object* object);
void select_goroutine_programs(bpf_object* object);

// What is attached, as long as this lives.
struct AttachedHooks {
  std::vector<Link> links;
  std::vector<std::string>
      names;  // "tracepoint/syscalls/sys_enter_futex", "tp_btf/signal_deliver"...

  AttachedHooks() = default;
  AttachedHooks(AttachedHooks&&) noexcept = default;
  AttachedHooks& operator=(AttachedHooks&& other) noexcept;
  ~AttachedHooks() { detach(); }

 private:
  void detach();
};

// Attaches every selected program; those on the calls' tracepoints if the set is of these. An event
// this kernel lacks is skipped when older kernels do without it. Errors name the hook.
Result<AttachedHooks> attach_programs(bpf_object* object, HookSet set);

// Attaches to one tracepoint, by its number in tracefs. `section` names it in errors.
Result<Link> attach_tracepoint(bpf_program* program, std::uint64_t id, std::string_view section);

// Runs of our programs that the kernel skipped since they were loaded (bpf_prog_info's
// recursion_misses, Linux 5.12).
std::uint64_t missed_runs(const bpf_object* object);

// What the programs of a skeleton that has no waits to lose have lost since they were loaded.
template <typename Bpf>
Losses losses_of(const Bpf& skeleton) {
  return {.waits = 0,
          .stacks = skeleton.bss->lost_stacks,
          .events = missed_runs(skeleton.obj),
          .map_full = skeleton.bss->map_full};
}

// Of every program that has a hook of its own.
std::vector<ProgramRuns> timed_runs(const bpf_object* object);

}  // namespace cw
