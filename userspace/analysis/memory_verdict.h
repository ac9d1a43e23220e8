// What allocators and memory add to a verdict on locks.
#pragma once

#include "model/report.h"

namespace cw {

// To be called once allocators, memory and cgroups are in the report. What was not asked for is
// named as not seen.
void conclude_memory(Report& report, const Observed& observed);

}  // namespace cw
