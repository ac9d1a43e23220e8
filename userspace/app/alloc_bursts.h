// Opens windows on the allocators of the watched processes, one process at a time, on a thread of
// its own: a window ends when it has to, whatever else the observer is doing.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/alloc_lives.h"
#include "app/burst_target.h"
#include "app/settings.h"
#include "model/alloc_site.h"
#include "model/alloc_snapshot.h"
#include "probes/alloc_probes.h"
#include "probes/burst_governor.h"

namespace cw {

class AllocBursts {
 public:
  // `probes` must outlive this. `lives`: those that follow blocks, or why there are none.
  AllocBursts(AllocProbes& probes, Result<LifeProbes> lives, double budget_share, AllocMode mode);
  AllocBursts(const AllocBursts&) = delete;
  AllocBursts& operator=(const AllocBursts&) = delete;
  // Ends the window that is open.
  ~AllocBursts();

  // Starts the thread. To be called while all rights are held: it needs one to be woken in time,
  // and gives up its own.
  void start();
  // From now on; a share of each process's CPU time.
  void set_budget(double share);
  // Whom to watch from now on, the most important first. What was seen of others, that ended
  // perhaps, is in the next samples() still.
  void watch(std::vector<BurstTarget> targets);
  // Each allocator with its windows since `since_ns`, and older ones where those are too few.
  [[nodiscard]] std::vector<AllocatorSample> samples(std::uint64_t since_ns);
  // Since it was last asked.
  AllocCost take_cost();
  [[nodiscard]] const AllocLives& lives() const { return lives_; }

 private:
  // What was seen of one process.
  struct Watch {
    BurstTarget target;
    std::uint32_t number = 0;  // in the kernel's table of call sites
    std::unique_ptr<BurstGovernor> governor;
    std::uint64_t settled_ns = 0;
    std::optional<WindowPlan> plan;  // of its next window; empty: there will be none for a while
    std::uint64_t next_ns = 0;       // when that is due, or when to think about it again
    // By allocator, then in the order of time.
    std::vector<std::deque<AllocWindow>> windows;
    struct Sites {
      std::uint64_t time_ns = 0;
      std::vector<AllocSite> sites;
    };
    std::vector<std::deque<Sites>> sites;
    std::string remark;
  };
  using WatchPtr = std::shared_ptr<Watch>;

  void run(const std::stop_token& stop);
  void measure_hit();
  void make_plan(Watch& watch);
  WatchPtr choose();
  void burst(const std::stop_token& stop, const WatchPtr& watch);
  void follow_blocks(const WatchPtr& watch);
  void stay(const std::stop_token& stop, const WatchPtr& watch);
  void keep(Watch& watch, AllocWindow frame, const std::vector<AllocCounts>& before);
  void look_at_sites(Watch& watch, std::uint64_t now) const;
  AllocatorSample sample_of(const Watch& watch, std::size_t allocator, std::uint64_t since_ns);
  [[nodiscard]] std::vector<AllocCounts> counts_of(const BurstTarget& target) const;

  AllocProbes* probes_;
  double budget_share_;
  AllocMode mode_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<WatchPtr> watches_;
  std::vector<WatchPtr> unreported_;  // no longer watched
  std::size_t turn_ = 0;
  std::uint32_t next_number_ = 1;
  std::vector<AllocProbe> own_probes_;  // at most one
  std::mt19937_64 random_{std::random_device{}()};
  ProbeCosts costs_;
  AllocCost cost_;
  AllocLives lives_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace cw
