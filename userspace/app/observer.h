// Watches processes and makes a Report of each interval: the wiring of probes, process and
// analysis.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/self_cost.h"
#include "app/settings.h"
#include "app/target_symbols.h"
#include "model/process_sample.h"
#include "probes/lock_probes.h"
#include "process/sleep_sampler.h"

namespace cw {

class Observer {
 public:
  // Attaches to the processes of `settings`. Errors: kNoProcess, kNotAllowed.
  static Result<std::unique_ptr<Observer>> start(const Settings& settings);

  // A look at where threads sleep; a few in each interval.
  void look();
  // What happened since the last report, or since the start.
  Result<Report> report(bool final);

 private:
  Observer(Settings settings, LockProbes probes);

  Result<void> attach();
  void seed_waits();
  void seed_waits_of(std::int32_t pid);
  void reap_ghosts(const Snapshot& snapshot);
  void settle_counts(const Snapshot& snapshot);
  [[nodiscard]] std::vector<ProcessSample> sample(const Snapshot& snapshot);
  void fill_in(Report& report, const std::vector<ProcessSample>& after, const HookCost& cost,
               bool final);

  Settings settings_;
  LockProbes probes_;
  TargetSymbols symbols_;
  SleepSampler sleeps_;
  std::string host_;
  std::string kernel_;
  CallCosts calls_before_;
  CallCosts calls_after_;

  Snapshot last_;
  std::vector<ProcessSample> last_sample_;
  std::map<std::int32_t, ProcessSample> asleep_;  // looks of this interval, by process
  HookCost last_cost_;
  SelfUse last_use_;
  std::uint64_t reports_ = 0;
  std::string interval_began_;  // RFC 3339
  // Waits whose thread was found elsewhere at the last report: a second time, and they are over.
  std::set<std::pair<std::uint32_t, std::uint64_t>> doubtful_;
  std::set<WordId> uneven_;  // words whose waiters did not fit the waits in progress, likewise
};

}  // namespace cw
