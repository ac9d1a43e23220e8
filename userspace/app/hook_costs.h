// What each hook costs on this machine, measured on ourselves.
#pragma once

#include <string>
#include <vector>

#include "model/doctor_facts.h"
#include "probes/lock_probes.h"

namespace cw {

struct MeasuredHooks {
  std::vector<HookFacts> hooks;
  std::string error;  // why the programs cannot be used; empty: they were attached
};

// Attaches as for observing, measures, detaches. `with_32bit`: whether the hooks for 32-bit callers
// would be used.
MeasuredHooks measure_hooks(HookSet wanted, bool with_32bit);

}  // namespace cw
