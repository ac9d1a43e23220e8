#include "app/alloc_lives.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "app/life_cost.h"
#include "app/window_timing.h"
#include "model/clock.h"
#include "output/format.h"
#include "process/return_probes.h"

namespace cw {
namespace {

constexpr std::uint64_t kLeadNs = 100'000;  // from attaching to a window's opening
constexpr std::uint64_t kKeptNs = 60'000'000'000;
constexpr std::size_t kMostLives = 8192;

// Where arguments are when a function begins (psABI 3.2.3; AAPCS64 6.8.2).
#ifdef __x86_64__
constexpr std::array<std::uint8_t, 6> kArguments{5, 4, 1, 2, 8, 9};
#else
constexpr std::array<std::uint8_t, 6> kArguments{0, 1, 2, 3, 4, 5};
#endif

std::optional<std::uint8_t> at_entry(const std::optional<std::uint8_t>& argument) {
  return argument ? std::optional(kArguments.at(*argument)) : std::nullopt;
}

AllocProbe probe_of(const ProbeSite& site, std::uint32_t allocator) {
  AllocProbe probe;
  probe.file = fmt::format("/proc/self/fd/{}", site.file->get());
  probe.offset = site.file_offset;
  probe.allocator = allocator;
  probe.common = is_common(site.call);
  probe.emulated = site.emulated;
  probe.nested_in = site.nested_in;
  probe.pushed = site.pushed;
  return probe;
}

// At the instruction where calls are counted if the return address still is at the stack pointer
// there, else at the function's entry.
LifeProbe birth_at(const ProbeSite& site, std::uint32_t allocator) {
  const CallShape shape = shape_of(site.call);
  LifeProbe birth{.call = probe_of(site, allocator), .result_at = std::nullopt};
  AllocProbe& call = birth.call;
  birth.hands_over = !site.jumps_to.empty();
  const bool is_entry = site.vaddr == site.entry_vaddr;
  if (is_entry || (site.pushed == 0 && !shape.result_in_memory)) {
    call.first = number_of(site.size_in);
    call.factor = number_of(site.count_in);
    if (shape.resizes()) call.resized = number_of(site.pointer_in);
  } else {
    call.offset = site.entry_offset;
    call.emulated = false;
    call.pushed = 0;
    call.first = at_entry(shape.size);
    call.factor = at_entry(shape.count);
    if (shape.resizes()) call.resized = at_entry(shape.pointer);
  }
  if (shape.result_in_memory) birth.result_at = kArguments[0];
  return birth;
}

LifeProbe end_at(const ProbeSite& site, std::uint32_t allocator) {
  LifeProbe end{.call = probe_of(site, allocator), .result_at = std::nullopt};
  end.call.frees = true;
  end.call.first = number_of(site.pointer_in);
  return end;
}

// What may throw is never probed at its return: unwinding through a replaced return address ends
// the process.
std::vector<LifeProbe> probes_of(const BurstTarget& target) {
  std::vector<LifeProbe> probes;
  for (std::uint32_t i = 0; i < std::min<std::size_t>(target.allocators.size(), kAllocators); ++i)
    for (const ProbeSite& site : target.allocators[i].sites) {
      const CallShape shape = shape_of(site.call);
      if (!shape.allocates)
        probes.push_back(end_at(site, i));
      else if (!shape.may_throw)
        probes.push_back(birth_at(site, i));
    }
  return probes;
}

// Calls that make blocks without these being followed; empty: none.
std::string not_followed(const AllocatorSites& allocator) {
  for (const ProbeSite& site : allocator.sites)
    if (shape_of(site.call).may_throw)
      return "blocks of its own operator new are not followed: what may throw is not probed at its "
             "return";
  return {};
}

bool is_any_followed(const std::vector<LifeProbe>& probes) {
  return std::ranges::any_of(probes, [](const LifeProbe& probe) { return !probe.call.frees; });
}

}  // namespace

AllocLives::AllocLives(Result<LifeProbes> probes, double budget_share)
    : budget_share_(budget_share) {
  if (probes)
    probes_ = std::make_unique<LifeProbes>(std::move(*probes));
  else
    why_none_ = probes.error().message;
}

void AllocLives::measure() {
  if (!probes_) return;
  const MeasuredLives measured = measure_lives(*probes_);
  const std::lock_guard lock(mutex_);
  costs_ = measured.costs;
  floor_ns_ = measured.floor_ns;
}

AllocLives::FollowedPtr AllocLives::known(const BurstTarget& target) {
  FollowedPtr& followed = followed_[{target.pid, target.image}];
  if (!followed) followed = std::make_shared<Followed>();
  return followed;
}

void AllocLives::plan_next(Followed& followed, const BurstTarget& target, double hits_per_ns) {
  const std::uint64_t now = monotonic_ns();
  const double share = budget_share_ * target.part_of_budget;
  if (!followed.governor) {
    followed.governor = std::make_unique<LifeGovernor>(share, costs_, std::random_device{}());
    followed.settled_ns = now;
  }
  followed.governor->set_budget(share);
  followed.plan = followed.governor->next(target.cpus, hits_per_ns);
  followed.due_ns = followed.plan ? followed.settled_ns + followed.plan->due_ns : now + kTryAgainNs;
  followed.remark = followed.plan
                        ? std::string()
                        : fmt::format("following blocks would cost more than {} of its CPU time",
                                      format_share(share));
}

bool AllocLives::is_due(const BurstTarget& target, double hits_per_ns) {
  if (!probes_) return false;
  const std::lock_guard lock(mutex_);
  const FollowedPtr followed = known(target);
  const std::uint64_t now = monotonic_ns();
  if (!followed->plan && followed->due_ns <= now) plan_next(*followed, target, hits_per_ns);
  return followed->plan && followed->due_ns <= now;
}

void AllocLives::store(Followed& followed, const FollowedBlock& block, std::uint64_t open_ns,
                       std::uint64_t close_ns, std::uint32_t one_in) const {
  if (block.allocator >= followed.lives.size()) return;
  const std::uint64_t until = block.ended_ns != 0 ? block.ended_ns : close_ns;
  const auto seen = static_cast<double>(until - std::min(until, block.born_ns));
  const double probes_took = costs_.hit_ns * block.hits + costs_.sample_ns * block.samples;
  std::deque<AllocLife>& lives = followed.lives[block.allocator];
  lives.push_back({.stack = block.stack,
                   .bytes = block.bytes,
                   .window_ns = open_ns,
                   .weight = static_cast<double>(one_in),
                   .lived_ns = static_cast<std::uint64_t>(std::max(0.0, seen - probes_took)),
                   .ended = block.ended_ns != 0,
                   .elsewhere = block.elsewhere,
                   .call_ns = block.born_ns - std::min(block.born_ns, block.call_ns)});
  while (lives.size() > kMostLives || lives.front().window_ns + kKeptNs < open_ns)
    lives.pop_front();
}

void AllocLives::follow(const BurstTarget& target) {
  std::string problem = why_no_return_probes(target.pid);
  const std::vector<LifeProbe> probes = probes_of(target);
  if (problem.empty() && !is_any_followed(probes)) problem = "none of its calls can be followed";
  LifePlan plan;
  FollowedPtr followed;
  {
    const std::lock_guard lock(mutex_);
    followed = known(target);
    followed->remark = problem;
    const std::optional<LifePlan> planned = std::exchange(followed->plan, std::nullopt);
    if (!planned) return;
    plan = *planned;
    if (!problem.empty()) {
      followed->due_ns = monotonic_ns() + kTryAgainNs;
      return;
    }
  }
  const LifeCounts before = probes_->counts(kSingleStepped);
  std::uint64_t open_ns = 0;
  std::uint64_t close_ns = 0;
  {
    auto armed = probes_->arm(target.pid, probes);
    if (!armed) {
      const std::lock_guard lock(mutex_);
      followed->remark = remark_on(armed.error());
      followed->due_ns = monotonic_ns() + kTryAgainNs;
      return;
    }
    open_ns = monotonic_ns() + kLeadNs;
    close_ns = open_ns + plan.length_ns;
    probes_->follow_in(
        {.open_ns = open_ns, .close_ns = close_ns, .one_in = plan.one_in, .with_stacks = true});
    if (surges_before(close_ns, plan.most_hits,
                      [&] { return probes_->counts(kSingleStepped).hits.all - before.hits.all; }))
      probes_->stop_following(monotonic_ns());
    close_ns = std::min(close_ns, probes_->closes_at());
  }
  const std::vector<FollowedBlock> blocks = probes_->take_blocks();
  const LifeCounts after = probes_->counts(kSingleStepped);
  const HitCounts hits = after.hits - before.hits;
  const LifeOutcome outcome{.length_ns = close_ns - open_ns,
                            .inside = hits.inside,
                            .hits = hits.all,
                            .samples = after.samples - before.samples};
  const std::lock_guard lock(mutex_);
  followed->lives.resize(std::max(followed->lives.size(), target.allocators.size()));
  for (const FollowedBlock& block : blocks) store(*followed, block, open_ns, close_ns, plan.one_in);
  const std::uint64_t now = monotonic_ns();
  followed->governor->settle(outcome, now - followed->settled_ns, target.cpus);
  followed->settled_ns = now;
  followed->due_ns = now;
  cost_.hits += outcome.hits;
  cost_.ns += static_cast<std::uint64_t>(followed->governor->cost_of(outcome));
}

void AllocLives::set_budget(double share) {
  const std::lock_guard lock(mutex_);
  budget_share_ = share;
}

void AllocLives::keep(const std::vector<BurstTarget>& targets) {
  const std::lock_guard lock(mutex_);
  std::erase_if(followed_, [&](const auto& entry) {
    return std::ranges::none_of(targets, [&](const BurstTarget& target) {
      return entry.first == Key(target.pid, target.image);
    });
  });
}

void AllocLives::add_to(const BurstTarget& target, std::uint32_t allocator,
                        AllocatorSample& sample) {
  const std::lock_guard lock(mutex_);
  sample.call_floor_ns = floor_ns_;
  sample.lives_remark = why_none_;
  const auto found = followed_.find({target.pid, target.image});
  if (found == followed_.end()) return;
  const Followed& followed = *found->second;
  if (allocator < followed.lives.size())
    sample.lives.assign(followed.lives[allocator].begin(), followed.lives[allocator].end());
  if (sample.lives_remark.empty()) sample.lives_remark = followed.remark;
  if (sample.lives_remark.empty())
    sample.lives_remark = not_followed(target.allocators.at(allocator));
}

AllocCost AllocLives::take_cost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(cost_, {});
}

std::string AllocLives::method() const {
  return probes_ ? name_of(probes_->method()) : std::string();
}

}  // namespace cw
