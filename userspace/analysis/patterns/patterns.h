// Known mistakes with locks, each told only where what was seen shows it.
#pragma once

#include "model/report.h"

namespace cw {

// Fills in `patterns` of the locks, the most telling first, and adds their evidence to the advice;
// what only looks like trouble goes to what the verdict clears. To be called last, when sections
// and looks at owners are in.
void add_patterns(Report& report);

}  // namespace cw
