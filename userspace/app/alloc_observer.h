// Everything about memory that an Observer has: the allocators, and the memory they live on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/alloc_bursts.h"
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
  void begin(const std::vector<MemoryTarget>& targets, TargetSymbols& symbols);
  // A few in each interval.
  void look(const std::vector<MemoryTarget>& targets, TargetSymbols& symbols);
  // Fills in allocators, memory, cgroups, their part of `fidelity`, and concludes. The locks are to
  // be in the report already.
  void report(const std::vector<MemoryTarget>& targets, TargetSymbols& symbols, Report& report);

 private:
  // What is known of a process between looks.
  struct Known {
    ImageId image = 0;
    std::uint64_t cpu_ns = 0;
    double cpus = 0;
    std::uint64_t searched_ns = 0;
    std::size_t mappings = 0;  // when allocators were last looked for
    std::vector<AllocatorSites> allocators;
  };

  AllocObserver(const Settings& settings, AllocProbes probes);
  static void find_allocators(const MemoryTarget& target, TargetSymbols& symbols, Known& known);
  void add_cost(Report& report);

  Settings settings_;
  AllocProbes probes_;
  MemoryObserver memory_;
  AllocBursts bursts_;
  std::map<std::int32_t, Known> known_;
  std::uint64_t look_ns_ = 0;
  std::uint64_t report_ns_ = 0;
  Losses losses_;
};

}  // namespace cw
