// What a hit of a probe on an allocator costs on this machine, measured on ourselves.
#pragma once

#include "probes/alloc_probes.h"

namespace cw {

// Nanoseconds a hit, where the kernel emulates the probed instruction; 0 when it cannot be
// measured. To be called while nothing else is armed; takes some tens of milliseconds.
double measure_probe_hit(AllocProbes& probes);

}  // namespace cw
