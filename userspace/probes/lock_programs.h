// Loads the programs of bpf/locks.bpf.c, or says why the kernel does not take them.
#pragma once

#include "locks.skel.h"
#include "model/error.h"
#include "probes/lock_probes.h"
#include "probes/skeleton.h"

namespace cw {

// From now on libbpf says nothing of its own, or all it has to say where CONTENTIONWATCH_DEBUG is
// set.
void print_only_if_asked();

// Those of a set of hooks, without those for 32-bit callers.
Result<Skeleton<locks_bpf>> load_lock_programs(const ProbeOptions& options, HookSet set);

// The programs for 32-bit callers, on the maps of the others: a third of all there is to verify,
// and hardly anybody needs them.
Result<Skeleton<locks_bpf>> load_compat_programs(const locks_bpf& locks);

}  // namespace cw
