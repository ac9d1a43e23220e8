// Loads the programs of bpf/locks.bpf.c, or says why the kernel does not take them.
#pragma once

#include <functional>

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

// More programs of the same file on the maps of those: the ones that `select` chooses. `map_named`:
// the descriptor of a map of theirs.
using MapNamed = std::function<int(const char*)>;
using SelectPrograms = std::function<void(bpf_object*)>;
Result<Skeleton<locks_bpf>> load_more_programs(const MapNamed& map_named,
                                               const SelectPrograms& select);

}  // namespace cw
