// Opens windows on the locks of the watched processes, one process at a time, on a thread of its
// own: a window ends when it has to, whatever else the observer is doing. What a window wrote down
// is made sense of elsewhere, by a thread that has no precedence.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "analysis/section_windows.h"
#include "model/lock_site.h"
#include "probes/burst_governor.h"
#include "probes/section_probes.h"

namespace cw {

// A process whose locks can be probed.
struct SectionTarget {
  std::int32_t pid = 0;
  ImageId image = 0;
  double cpus = 0;              // used lately
  double part_of_budget = 1;    // what others that probe it leave
  std::vector<LockSite> sites;  // none: no windows are opened for now
};

// What was seen of one process.
struct SectionSample {
  std::int32_t pid = 0;
  ImageId image = 0;
  std::vector<SectionWindow> windows;  // by time
  std::string remark;  // why nothing, or less than asked for, could be seen; empty: nothing to say
};

class SectionBursts {
 public:
  // `probes` must outlive this.
  SectionBursts(SectionProbes& probes, double budget_share);
  SectionBursts(const SectionBursts&) = delete;
  SectionBursts& operator=(const SectionBursts&) = delete;
  // Ends the window that is open.
  ~SectionBursts();

  // Starts the thread. To be called while all rights are held: it needs one to be woken in time,
  // and gives up its own.
  void start();
  // Whom to watch from now on, the most important first. What was seen of others, that ended
  // perhaps, is in the next samples() still.
  void watch(std::vector<SectionTarget> targets);
  // Makes sense of the windows that have closed; a few times in each interval.
  void digest();
  // Windows since then, and older ones where those are too few. digest() was called.
  [[nodiscard]] std::vector<SectionSample> samples(std::uint64_t since_ns);
  [[nodiscard]] SectionCosts costs() const;
  // What the watched processes lost, attaching included; since it was last asked.
  std::uint64_t take_cost_ns();
  // Windows whose record nobody made sense of in time.
  [[nodiscard]] std::uint64_t lost_windows() const;

 private:
  struct Watch {
    SectionTarget target;
    std::unique_ptr<BurstGovernor> governor;
    std::uint64_t settled_ns = 0;
    std::optional<WindowPlan> plan;  // of its next window; empty: there will be none for a while
    std::uint64_t next_ns = 0;       // when that is due, or when to think about it again
    std::deque<SectionRecord> records;
    std::deque<SectionWindow> windows;
    std::string remark;
  };
  using WatchPtr = std::shared_ptr<Watch>;

  void run(const std::stop_token& stop);
  void measure();
  void make_plan(Watch& watch);
  WatchPtr choose();
  [[nodiscard]] std::vector<WatchPtr> all_watches() const;
  void burst(const std::stop_token& stop, const WatchPtr& watch);
  Result<SectionRecord> observe(const SectionTarget& target, const WindowPlan& plan);
  void settle(Watch& watch, const WindowPlan& plan, SectionRecord record, double cold_ns);

  SectionProbes* probes_;
  double budget_share_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<WatchPtr> watches_;
  std::vector<WatchPtr> unreported_;  // no longer watched
  std::vector<SectionProbe> own_probes_;
  std::mt19937_64 random_{std::random_device{}()};
  ProbeCosts probe_costs_;
  SectionCosts costs_;
  std::uint64_t cost_ns_ = 0;
  std::uint64_t lost_windows_ = 0;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace cw
