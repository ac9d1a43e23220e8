// The critical sections of the watched processes: whose locks are worth probing, and what the
// windows on them tell.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/cpu_use.h"
#include "app/memory_observer.h"
#include "app/section_bursts.h"
#include "app/settings.h"
#include "app/target_symbols.h"
#include "model/critical_section.h"
#include "model/report.h"
#include "probes/section_probes.h"

namespace cw {

class SectionObserver {
 public:
  // Loads the programs. `locks` must outlive this. Null where locks are not observed.
  static Result<std::unique_ptr<SectionObserver>> start(const Settings& settings,
                                                        const LockProbes& locks);

  // To be called while all rights are held.
  void begin();
  // A few in each interval. `shared_with`: processes whose allocator is probed too.
  void look(const std::vector<MemoryTarget>& targets, const CpuUse& use, TargetSymbols& symbols,
            const std::set<std::int32_t>& shared_with);
  // Of the interval that `report` is of, and its part of `fidelity`. Processes and locks are to be
  // in the report already.
  std::vector<LockSections> report(Report& report);
  // Processes whose locks are probed, as of the last look.
  [[nodiscard]] const std::set<std::int32_t>& probed() const { return probed_; }

 private:
  // What is known of a process between looks.
  struct Known {
    ImageId image = 0;
    bool searched = false;
    std::size_t mappings = 0;  // when functions were last looked for
    LockSites functions;
    bool was_probed = false;
  };

  SectionObserver(const Settings& settings, SectionProbes probes);
  static void find_functions(const MemoryTarget& target, TargetSymbols& symbols, Known& known);
  [[nodiscard]] bool is_worth_it(std::int32_t pid, const Known& known, double cpus) const;
  void add_cost(Report& report);
  void add_remarks(const std::vector<SectionSample>& samples, Report& report) const;

  SectionProbes probes_;
  SectionBursts bursts_;
  std::map<std::int32_t, Known> known_;
  std::set<std::int32_t> waited_;  // for locks, in the last interval
  std::set<std::int32_t> probed_;
  std::uint64_t report_ns_ = 0;
  Losses losses_;
};

}  // namespace cw
