// Everything about memory that an Observer has: the allocators, and the memory they live on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "app/activity.h"
#include "app/alloc_bursts.h"
#include "app/cpu_use.h"
#include "app/memory_observer.h"
#include "app/settings.h"
#include "app/target_symbols.h"
#include "model/report.h"
#include "probes/alloc_probes.h"

namespace cw {

class AllocObserver {
 public:
  // Loads the programs and attaches what stays attached. `locks` must outlive this. Null when
  // neither allocations nor memory are to be observed.
  static Result<std::unique_ptr<AllocObserver>> start(const Settings& settings,
                                                      const LockProbes& locks, Watched newcomers);

  // The first look. `symbols` name stacks and must outlive this.
  void begin(const std::vector<MemoryTarget>& targets, const Activity& activity,
             TargetSymbols& symbols);
  // What counting left of the budget: a share of each process's CPU time for its allocator.
  void set_budget(double share) { bursts_.set_budget(share); }
  // Processes whose locks are probed too: there the budget is shared.
  void share_with(std::set<std::int32_t> pids) { shared_ = std::move(pids); }
  // Processes whose allocator is probed, as of the last look.
  [[nodiscard]] const std::set<std::int32_t>& probed() const { return probed_; }
  // A few in each interval.
  void look(const std::vector<MemoryTarget>& targets, const Activity& activity, const CpuUse& use,
            TargetSymbols& symbols);
  // Fills in allocators, memory, cgroups, their part of `fidelity`, and concludes. The locks are to
  // be in the report already.
  void report(const std::vector<MemoryTarget>& targets, const Activity& activity,
              TargetSymbols& symbols, Report& report);

 private:
  // What is known of a process between looks.
  struct Known {
    ImageId image = 0;
    std::uint64_t searched_ns = 0;
    std::size_t mappings = 0;  // when allocators were last looked for
    std::vector<AllocatorSites> allocators;
  };

  AllocObserver(const Settings& settings, AllocProbes probes, Result<LifeProbes> lives);
  static void find_allocators(const MemoryTarget& target, TargetSymbols& symbols, Known& known);
  void add_cost(Report& report);

  Settings settings_;
  AllocProbes probes_;
  MemoryObserver memory_;
  AllocBursts bursts_;
  std::map<std::int32_t, Known> known_;
  std::set<std::int32_t> shared_;
  std::set<std::int32_t> probed_;
  std::uint64_t report_ns_ = 0;
  Losses losses_;
};

}  // namespace cw
