// Watches processes and makes a Report of each interval: the wiring of probes, process and
// analysis.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "analysis/memory.h"
#include "app/activity.h"
#include "app/alloc_observer.h"
#include "app/cpu_use.h"
#include "app/goroutine_observer.h"
#include "app/overhead.h"
#include "app/process_samples.h"
#include "app/section_observer.h"
#include "app/settings.h"
#include "app/target_symbols.h"
#include "app/unwinding.h"
#include "app/watched_processes.h"
#include "model/process_sample.h"
#include "probes/lock_probes.h"

namespace cw {

class Observer {
 public:
  // Attaches to the processes of `settings`. Errors: kNoProcess, kNotAllowed.
  static Result<std::unique_ptr<Observer>> start(const Settings& settings);

  // A look at who came and where threads sleep; a few in each interval.
  Result<void> look();
  // What happened since the last report, or since the start.
  Result<Report> report(bool final);
  // Critical sections in the interval of the last report.
  [[nodiscard]] const std::vector<LockSections>& sections() const { return sections_now_; }
  // Those that are watched and alive, as of then.
  [[nodiscard]] const std::vector<KnownProcess>& processes() const { return processes_.now(); }

 private:
  Observer(Settings settings, Selection selection, LockProbes probes);

  Result<void> attach();
  bool see_who_ran();
  Result<Snapshot> snapshot();
  void adopt_some();
  void begin_with_goroutines();
  void tell_of_goroutines(Report& report);
  void look_at_probed(const std::vector<MemoryTarget>& targets);
  void reap_ghosts(const Snapshot& snapshot);
  void settle_counts(const Snapshot& snapshot);
  [[nodiscard]] std::vector<std::int32_t> most_waiting(const Snapshot& snapshot) const;
  void fill_in(Report& report, bool final);
  std::size_t left_out_now();
  [[nodiscard]] std::vector<MemoryTarget> memory_targets() const;

  Settings settings_;
  LockProbes probes_;
  UnwindFiles unwind_files_;
  WatchedProcesses processes_;
  Overhead overhead_;
  TargetSymbols symbols_;
  Unwinding unwinding_;
  Activity activity_;
  std::string no_times_;  // why it is not up to date
  ProcessSamples samples_;
  CpuUse cpu_use_;
  std::unique_ptr<GoroutineObserver> goroutines_;  // null: no Go program was there, or may come
  std::string no_goroutines_;                      // why they cannot be seen
  std::unique_ptr<AllocObserver> alloc_;           // null: only locks are observed
  std::string no_alloc_;                           // why that is all that can be
  std::unique_ptr<SectionObserver> sections_;      // null: critical sections are not observed
  std::string no_sections_;                        // why they cannot be
  std::vector<LockSections> sections_now_;
  std::string host_;
  std::string kernel_;

  Snapshot last_;
  Memory memory_;
  std::vector<ProcessSample> last_sample_;
  std::uint64_t reports_ = 0;
  std::size_t left_out_ = 0;    // descendants that are not watched, when last counted
  std::string interval_began_;  // RFC 3339
  // Waits whose thread was found elsewhere at the last report: a second time, and they are over.
  std::set<std::pair<std::uint32_t, std::uint64_t>> doubtful_;
  std::set<WordId> uneven_;  // words whose waiters did not fit the waits in progress, likewise
};

}  // namespace cw
