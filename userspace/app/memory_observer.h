// The memory of the watched processes, looked at all the time: small files of /proc, counters of
// system calls and samples of page faults.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "analysis/growth.h"
#include "analysis/memory_rows.h"
#include "model/alloc_snapshot.h"
#include "model/report.h"
#include "probes/alloc_probes.h"
#include "process/group_limits.h"

namespace cw {

// A process to look at, and the image that its stacks are named by; 0: they are not.
struct MemoryTarget {
  std::int32_t pid = 0;
  ImageId image = 0;
};

class MemoryObserver {
 public:
  // `probes` must outlive this, and attach_memory() have been called.
  explicit MemoryObserver(AllocProbes& probes) : probes_(&probes) {}

  void begin(const std::vector<MemoryTarget>& targets);
  // Between reports: what trends are made of. Of very many processes, some in turn.
  void look(const std::vector<MemoryTarget>& targets);
  // What happened since the last report, or since begin(): fills in `memory` and `cgroups`.
  void report(const std::vector<MemoryTarget>& targets, const Thresholds& thresholds,
              std::size_t top_n, Symbolizer& symbolizer, Report& report);

 private:
  struct Trend {
    std::uint64_t start_ticks = 0;
    GrowthTrend growth;
  };
  [[nodiscard]] MemorySnapshot snapshot(const std::vector<MemoryTarget>& targets);
  void follow(std::int32_t pid, std::uint64_t start_ticks, std::uint64_t time_ns,
              std::uint64_t bytes);
  void forget_ended(const MemorySnapshot& now);

  AllocProbes* probes_;
  GroupLimits limits_;
  MemorySnapshot last_;
  std::map<std::int32_t, Trend> trends_;
  std::size_t turn_ = 0;
};

}  // namespace cw
