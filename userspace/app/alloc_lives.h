// Follows some blocks of the watched processes' allocators, in windows of their own beside those
// that count (app/alloc_bursts.h): rarer and longer ones, with their own part of the budget.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "app/burst_target.h"
#include "model/alloc_life.h"
#include "model/alloc_snapshot.h"
#include "probes/life_governor.h"
#include "probes/life_probes.h"

namespace cw {

class AllocLives {
 public:
  // `probes`, or why there are none.
  AllocLives(Result<LifeProbes> probes, double budget_share);

  // The next four on one thread, with nothing else armed.
  void measure();
  // Whether it is time for a window. `hits_per_ns`: calls in each, of the target.
  bool is_due(const BurstTarget& target, double hits_per_ns);
  // Opens one. Takes as long as it is open, and some milliseconds.
  void follow(const BurstTarget& target);
  // From now on.
  void set_budget(double share);
  // Whom to remember.
  void keep(const std::vector<BurstTarget>& targets);

  // On any thread.
  void add_to(const BurstTarget& target, std::uint32_t allocator, AllocatorSample& sample);
  // Since it was last asked.
  AllocCost take_cost();
  [[nodiscard]] std::string method() const;  // by which results are seen; empty: by none
  [[nodiscard]] Losses losses() const { return probes_ ? probes_->losses() : Losses(); }

 private:
  struct Followed {
    std::unique_ptr<LifeGovernor> governor;
    std::uint64_t settled_ns = 0;
    std::optional<LifePlan> plan;
    std::uint64_t due_ns = 0;
    std::vector<std::deque<AllocLife>> lives;  // by allocator, in the order of time
    std::string remark;
  };
  // A window that is open goes on with what is forgotten meanwhile.
  using FollowedPtr = std::shared_ptr<Followed>;
  using Key = std::pair<std::int32_t, ImageId>;

  FollowedPtr known(const BurstTarget& target);  // made, where it is new; to be called locked
  void plan_next(Followed& followed, const BurstTarget& target, double hits_per_ns);
  void store(Followed& followed, const FollowedBlock& block, std::uint64_t open_ns,
             std::uint64_t close_ns, std::uint32_t one_in) const;

  std::unique_ptr<LifeProbes> probes_;  // null: see why_none_
  std::string why_none_;
  double budget_share_;
  LifeCosts costs_;
  double floor_ns_ = 0;
  std::mutex mutex_;
  std::map<Key, FollowedPtr> followed_;
  AllocCost cost_;
};

}  // namespace cw
