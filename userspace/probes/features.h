// What this kernel lets us do, found out by doing it; everything is undone at once.
#pragma once

#include <optional>

#include "model/doctor_facts.h"
#include "model/fd.h"

namespace cw {

KernelFeatures try_features();

// Whether a map can be made with the rights at hand: without CAP_BPF only where
// kernel.unprivileged_bpf_disabled is 0. Before Linux 6.0 the same goes for using one.
bool may_make_maps();

// Whether programs attach to functions of the kernel (fentry and fexit): some kernels load such a
// program and refuse to attach it.
bool can_hook_functions();

// Whether programs attach to many places of a file at once (uprobe.multi, Linux 6.6).
bool has_many_uprobes();

// As long as the descriptor lives, the kernel times every run of every BPF program. Empty without
// CAP_SYS_ADMIN.
Fd time_programs();

}  // namespace cw
