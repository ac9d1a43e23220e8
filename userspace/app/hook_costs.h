// What each hook costs on this machine, measured on ourselves.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/doctor_facts.h"
#include "probes/armed_probes.h"
#include "probes/lock_probes.h"

namespace cw {

struct MeasuredHooks {
  std::vector<HookFacts> hooks;
  // A hit of a probe on a function, nanoseconds; empty: not measured.
  std::optional<double> emulated_ns;
  std::optional<double> single_stepped_ns;
  std::optional<double> lock_emulated_ns;  // on a function that takes a lock or lets it go
  std::string error;  // why the programs cannot be used; empty: they were attached
};

// Attaches as for observing, measures, detaches. `with_32bit`: whether the hooks for 32-bit callers
// would be used.
MeasuredHooks measure_hooks(HookSet wanted, UprobeWay uprobes, bool with_32bit);

}  // namespace cw
