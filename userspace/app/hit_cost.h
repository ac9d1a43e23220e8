// What a hit of a probe on an allocator costs on this machine, measured on ourselves.
#pragma once

#include <optional>

#include "probes/alloc_probes.h"

namespace cw {

// A probe on a function of our own, that the kernel emulates where it can. Empty: it is not found.
std::optional<AllocProbe> probe_on_ourselves();

// Nanoseconds a hit, where the kernel emulates the probed instruction; 0 when it cannot be
// measured. To be called while nothing else is armed; takes some tens of milliseconds.
double measure_probe_hit(AllocProbes& probes);

}  // namespace cw
