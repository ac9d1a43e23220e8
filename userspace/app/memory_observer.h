// The memory of the watched processes, looked at all the time: small files of /proc, counters of
// system calls and samples of page faults.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/growth.h"
#include "analysis/memory_rows.h"
#include "app/activity.h"
#include "model/alloc_snapshot.h"
#include "model/report.h"
#include "probes/alloc_probes.h"
#include "process/group_limits.h"
#include "process/memory_use.h"

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

  void begin(const std::vector<MemoryTarget>& targets, const Activity& activity);
  // Between reports: what trends are made of. Of very many processes, some in turn.
  void look(const std::vector<MemoryTarget>& targets, const Activity& activity);
  // What happened since the last report, or since begin(): fills in `memory` and `cgroups`.
  void report(const std::vector<MemoryTarget>& targets, const Activity& activity,
              const Thresholds& thresholds, std::size_t top_n, Symbolizer& symbolizer,
              Report& report);

 private:
  // As read when the process last had run; see Activity::Process.
  struct Known {
    std::uint64_t ran = 0;
    unsigned stale = 0;  // how often it was not read again
    std::optional<MemoryUse> use;
    std::string comm;
    std::string membership;  // in control groups
    GrowthTrend growth;
  };
  Known& read(std::int32_t pid, const Activity& activity, std::uint64_t now_ns);
  [[nodiscard]] MemorySnapshot snapshot(const std::vector<MemoryTarget>& targets,
                                        const Activity& activity);
  void forget_ended(const MemorySnapshot& now);

  AllocProbes* probes_;
  GroupLimits limits_;
  MemorySnapshot last_;
  std::map<std::int32_t, Known> known_;
  std::size_t turn_ = 0;
};

}  // namespace cw
