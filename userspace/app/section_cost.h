// What a hit of a probe on a lock's functions costs on this machine, measured on ourselves.
#pragma once

#include <optional>
#include <vector>

#include "model/section_event.h"
#include "probes/section_probes.h"

namespace cw {

// Probes on two functions of our own, one in the place of a lock and one of an unlock, that the
// kernel emulates where it can. Empty: they are not found.
std::vector<SectionProbe> sections_on_ourselves();

// A hit where the kernel emulates the probed instruction, and what a hold of nothing is measured
// as, at once and after pauses; empty when they cannot be measured. To be called while nothing else
// is armed; takes about a tenth of a second.
std::optional<SectionCosts> measure_section_costs(SectionProbes& probes);

}  // namespace cw
