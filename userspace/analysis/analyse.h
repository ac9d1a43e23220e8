// An interval and what /proc said, to a report. Pure: the same input, what earlier intervals taught
// included, gives the same report.
#pragma once

#include <cstddef>
#include <vector>

#include "analysis/interval.h"
#include "analysis/memory.h"
#include "analysis/thresholds.h"
#include "model/process_sample.h"
#include "model/report.h"
#include "model/symbolizer.h"

namespace cw {

struct AnalysisOptions {
  Thresholds thresholds;
  std::size_t top_n = 10;   // locks to name, and stacks to show for each
  bool with_waits = false;  // list idle waits too
};

// Fills in all but host, kernel, started, interval, final and what the observer says of itself in
// `fidelity` (losses and the share of complete stacks are filled in).
Report analyse(const Interval& interval, const std::vector<ProcessSample>& before,
               const std::vector<ProcessSample>& after, const AnalysisOptions& options,
               Memory& memory, Symbolizer& symbolizer);

}  // namespace cw
