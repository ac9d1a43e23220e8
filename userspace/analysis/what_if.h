// What a redesign would do to a lock: the load that was seen, put into the queueing model, changed.
#pragma once

#include <vector>

#include "model/report.h"

namespace cw {

// `cpus`: that the lock's processes may use, of which they used `on_cpu`; 0: not known.
struct Machine {
  double cpus = 0;
  double on_cpu = 0;
};

// One line for each change that gains more than a tenth, best first; none where the model does not
// fit what was seen, or where that is hardly known. `low` and `high` take in the 95 % intervals of
// what was measured and the model's own error; what work there is to do, and what it does to
// caches, they do not.
std::vector<WhatIf> what_if(const LockReport& lock, const Machine& machine);

// For every lock that is not fine or is held half of the time.
void add_what_if(Report& report);

}  // namespace cw
