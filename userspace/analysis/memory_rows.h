// The memory of each process in an interval: what it took, from where, and whether that matters.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "analysis/thresholds.h"
#include "model/alloc_snapshot.h"
#include "model/report.h"
#include "model/symbolizer.h"

namespace cw {

// What is known of a process beside its two looks.
struct MemoryBackground {
  ImageId image = 0;                         // for naming stacks; 0: they stay unnamed
  std::optional<double> growth_bytes_per_s;  // see GrowthTrend
};

// One row for each process in both snapshots, worst first, then by faults. Stacks are named for
// the `top_n` most frequent of each process.
std::vector<MemoryReport> memory_rows(const MemorySnapshot& before, const MemorySnapshot& after,
                                      const std::map<std::int32_t, MemoryBackground>& background,
                                      const Thresholds& thresholds, std::size_t top_n,
                                      Symbolizer& symbolizer);

std::vector<CgroupReport> group_rows(const MemorySnapshot& before, const MemorySnapshot& after);

// What a minor fault costs where nothing has to be read: the kernel's way there and back, and a
// page that is cleared.
inline constexpr double kMinorFaultNs = 500;

}  // namespace cw
