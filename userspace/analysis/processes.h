// What the threads of each process did with the interval.
#pragma once

#include <string_view>
#include <vector>

#include "analysis/background.h"
#include "analysis/interval.h"
#include "analysis/locks.h"
#include "model/process_sample.h"
#include "model/report.h"

namespace cw {

// One row for each process sampled at either end. `locks`: all objects, idle kinds included.
// A word whose use is not known and that does not behave like a lock counts as an idle wait.
std::vector<ProcessReport> process_reports(const Interval& interval,
                                           const std::vector<ProcessSample>& before,
                                           const std::vector<ProcessSample>& after,
                                           const std::vector<Lock>& locks,
                                           const Background& background);

// Whether it is one of the process's, whatever its version: "Go", "CPython 3.11".
bool has_runtime(const ProcessReport& process, std::string_view name);

}  // namespace cw
