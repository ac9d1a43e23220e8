// Waits of goroutines: which programs are probed for them, and for how much of the time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/interval.h"
#include "app/cpu_use.h"
#include "app/memory_observer.h"
#include "app/settings.h"
#include "app/target_symbols.h"
#include "model/go_sites.h"
#include "model/report.h"
#include "probes/allowance.h"
#include "probes/goroutine_probes.h"

namespace cw {

class GoroutineObserver {
 public:
  // Takes the rights to load programs, and some tens of milliseconds. `locks` must outlive this.
  static Result<std::unique_ptr<GoroutineObserver>> start(const Settings& settings,
                                                          LockProbes& locks);

  // A few in each interval: probes the Go programs among the targets as far as the budget goes.
  // Where goroutines wait too often for that, in windows, one a look.
  void look(const std::vector<MemoryTarget>& targets, const CpuUse& use, TargetSymbols& symbols);
  // Before the interval that ends now is analysed; what was seen in windows stands for all of it.
  void complete(Interval& interval);
  // What it cost, and what was not seen.
  void report(Report& report);

 private:
  struct Program {
    ImageId image = 0;
    GoSites sites;
    double cpus = 0;
    std::optional<ArmedProbes> armed;
    std::string refused;  // why it cannot be probed
  };

  GoroutineObserver(const LockProbes& locks, GoroutineProbes probes, double budget_share);
  void measure_hit();
  void find_programs(const std::vector<MemoryTarget>& targets, const CpuUse& use,
                     TargetSymbols& symbols);
  [[nodiscard]] std::vector<Program*> to_probe();
  void arm();
  void disarm();
  [[nodiscard]] bool may_stay() const;
  [[nodiscard]] std::uint64_t next_window_ns() const;
  [[nodiscard]] bool can_afford(std::uint64_t window_ns) const;
  void begin_window();
  void give_up_in_debt();
  void settle();

  const LockProbes* locks_;
  GoroutineProbes probes_;
  double hit_ns_ = 0;
  std::map<std::int32_t, Program> programs_;
  Allowance allowance_;
  std::uint64_t window_ns_ = 0;  // of the one that is open
  std::uint64_t wait_ns_ = 0;    // how long goroutines wait, lately
  bool armed_ = false;
  std::uint64_t armed_since_ns_ = 0;
  std::uint64_t seen_ns_ = 0;  // probed, since the last report
  std::uint64_t settled_ns_ = 0;
  std::uint64_t settled_hits_ = 0;
  double cpus_ = 0;                    // that the Go programs use
  std::optional<double> cost_per_ns_;  // while armed, lately
  std::uint64_t cost_ns_ = 0;          // since the last report
  double seen_share_ = 0;
};

}  // namespace cw
