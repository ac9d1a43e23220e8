// Waits of goroutines: which programs are probed for them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "analysis/goroutines.h"
#include "app/cpu_use.h"
#include "app/go_program.h"
#include "app/memory_observer.h"
#include "app/settings.h"
#include "app/target_symbols.h"
#include "model/report.h"
#include "probes/goroutine_probes.h"

namespace cw {

class GoroutineObserver {
 public:
  // Takes the rights to load programs, and some tens of milliseconds. `locks` must outlive this.
  static Result<std::unique_ptr<GoroutineObserver>> start(const Settings& settings,
                                                          LockProbes& locks);

  // The first look: how much CPU the targets use is not known yet.
  void begin(const std::vector<MemoryTarget>& targets, const CpuUse& use, TargetSymbols& symbols);
  // A few in each interval: probes the Go programs among the targets, those with most CPU.
  // `shared_with`: processes whose pthread locks are probed, too.
  void look(const std::vector<MemoryTarget>& targets, const CpuUse& use, TargetSymbols& symbols,
            const std::set<std::int32_t>& shared_with);
  // Before the interval that ends now is analysed; what was seen in a part stands for all of it.
  void complete(Interval& interval);
  // What it cost, and what was not seen.
  void report(Report& report);

 private:
  // A process that was looked at.
  struct Searched {
    ImageId image = 0;
    std::size_t code = 0;                // mappings of it
    std::unique_ptr<GoProgram> program;  // null: no Go
  };

  GoroutineObserver(const LockProbes& locks, GoroutineProbes probes, double budget_share);
  void measure_hit();
  void forget_ended(const std::vector<MemoryTarget>& targets);
  void search(const std::vector<MemoryTarget>& targets, const CpuUse& use, TargetSymbols& symbols);
  void give_places();
  void look_at_programs();
  void tell_of_unseen(const Report& report, std::vector<std::string>& not_seen) const;

  const LockProbes* locks_;
  GoroutineProbes probes_;
  double budget_share_;
  double hit_ns_ = 0;
  std::map<std::int32_t, Searched> searched_;
  std::array<GoProgram*, GoroutineProbes::kPlaces> places_{};
  std::size_t turn_ = 0;  // of the places
  SeenShares seen_;
};

}  // namespace cw
