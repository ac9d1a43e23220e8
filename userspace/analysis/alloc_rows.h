// Each allocator in an interval: how much it is asked, by whom, and whether that matters.
#pragma once

#include <cstddef>
#include <vector>

#include "analysis/thresholds.h"
#include "model/alloc_snapshot.h"
#include "model/report.h"
#include "model/symbolizer.h"

namespace cw {

// What an allocator's call takes where nobody contends for it.
inline constexpr double kCallNs = 20;

// One row for each sample, worst first. `locks` of kind allocator say who waited in arenas.
// `hit_ns`: what a probe costs about.
std::vector<AllocatorReport> allocator_rows(const std::vector<AllocatorSample>& samples,
                                            const std::vector<LockReport>& locks, double interval_s,
                                            double hit_ns, const Thresholds& thresholds,
                                            std::size_t top_n, Symbolizer& symbolizer);

// "8,100 +-300": the larger of the two sides. "3,000 to 9,000" where they differ much.
std::string format_estimate(const Estimate& estimate);

}  // namespace cw
