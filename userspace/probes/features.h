// What this kernel lets us do, found out by doing it; everything is undone at once.
#pragma once

#include <optional>

#include "model/doctor_facts.h"
#include "model/fd.h"

namespace cw {

KernelFeatures try_features();

// Whether maps that are open can be used: before Linux 6.0 that takes CAP_BPF where
// kernel.unprivileged_bpf_disabled is set.
bool may_use_maps();

// As long as the descriptor lives, the kernel times every run of every BPF program. Empty without
// CAP_SYS_ADMIN.
Fd time_programs();

}  // namespace cw
