// What allocators and memory add to a verdict on locks.
#pragma once

#include "model/report.h"

namespace cw {

// What was asked for; what was not is named as not seen.
struct MemoryObserved {
  bool locks = true;
  bool alloc = false;
  bool memory = false;
};

// To be called once allocators, memory and cgroups are in the report.
void conclude_memory(Report& report, const MemoryObserved& observed);

}  // namespace cw
