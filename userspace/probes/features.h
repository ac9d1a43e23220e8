// What this kernel lets us do, found out by doing it; everything is undone at once.
#pragma once

namespace cw {

// Whether maps that are open can be used: before Linux 6.0 that takes CAP_BPF where
// kernel.unprivileged_bpf_disabled is set.
bool may_use_maps();

}  // namespace cw
