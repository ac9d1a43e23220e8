#include "app/alloc_bursts.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <ranges>

#include "app/alloc_window.h"
#include "app/hit_cost.h"
#include "app/window_timing.h"
#include "model/clock.h"
#include "output/format.h"

namespace cw {
namespace {

constexpr std::size_t kMostAllocWindows = 1024;
constexpr std::uint64_t kSliceNs = 250'000'000;  // of a process whose probes stay
constexpr double kIdleCpus = 0.005;              // a process that uses less is left alone
constexpr std::size_t kEnoughFirst = 9;          // windows, before blocks are followed, too
constexpr double kPartForRates = 0.75;           // of the budget: the rest follows blocks
constexpr std::uint32_t kStacksOneInFull = 64;

}  // namespace

AllocBursts::AllocBursts(AllocProbes& probes, Result<LifeProbes> lives, double budget_share,
                         AllocMode mode)
    : probes_(&probes),
      budget_share_(budget_share * (lives && mode == AllocMode::kBurst ? kPartForRates : 1)),
      mode_(mode),
      lives_(std::move(lives), budget_share * (1 - kPartForRates)) {}

AllocBursts::~AllocBursts() = default;

void AllocBursts::set_budget(double share) {
  const std::lock_guard lock(mutex_);
  const bool follows = mode_ == AllocMode::kBurst && !lives_.method().empty();
  budget_share_ = share * (follows ? kPartForRates : 1);
  lives_.set_budget(share * (1 - kPartForRates));
}

void AllocBursts::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void AllocBursts::watch(std::vector<BurstTarget> targets) {
  targets.resize(std::min(targets.size(), kTakeTurns));
  const std::lock_guard lock(mutex_);
  std::vector<WatchPtr> watches;
  for (BurstTarget& target : targets) {
    const auto known = std::ranges::find_if(watches_, [&](const WatchPtr& watch) {
      return watch->target.pid == target.pid && watch->target.image == target.image;
    });
    WatchPtr watch = known == watches_.end() ? std::make_shared<Watch>() : *known;
    if (known == watches_.end()) watch->number = next_number_++;
    // What is probed is looked for anew when libraries are loaded; what was counted stays.
    watch->windows.resize(std::max(watch->windows.size(), target.allocators.size()));
    watch->sites.resize(watch->windows.size());
    watch->target = std::move(target);
    watches.push_back(std::move(watch));
  }
  for (const WatchPtr& watch : watches_) {
    if (std::ranges::find(watches, watch) != watches.end()) continue;
    look_at_sites(*watch, monotonic_ns());
    probes_->forget_target(watch->number);
  }
  keep_unreported(watches_, watches, unreported_);
  watches_ = std::move(watches);
  std::vector<BurstTarget> kept;
  for (const std::vector<WatchPtr>* some : {&watches_, &unreported_})
    for (const WatchPtr& watch : *some) kept.push_back(watch->target);
  lives_.keep(kept);
  changed_.notify_all();
}

void AllocBursts::run(const std::stop_token& stop) {
  const bool one_by_one = probes_->uprobes() == UprobeWay::kSingle;
  // Uprobes by perf events take it (perf_uprobe_event_init(), kernel/events/core.c).
  const auto also = one_by_one ? std::optional(CAP_SYS_ADMIN) : std::nullopt;
  if (!become_window_thread("cw-bursts", also)) return;
  measure_hit();
  if (mode_ == AllocMode::kBurst) lives_.measure();
  // Where probes come one by one, more of them than needed would only take longer.
  if (const auto own = probe_on_ourselves(); own && !one_by_one) own_probes_ = {*own};
  while (!stop.stop_requested()) {
    const WatchPtr watch = choose();
    if (!watch) {
      if (!pause_until(mutex_, changed_, stop, monotonic_ns() + kSliceNs)) return;
    } else if (mode_ == AllocMode::kFull) {
      stay(stop, watch);
    } else {
      burst(stop, watch);
      if (!stop.stop_requested()) follow_blocks(watch);
    }
  }
}

void AllocBursts::measure_hit() {
  const double hit_ns = measure_probe_hit(*probes_);
  const std::lock_guard lock(mutex_);
  if (hit_ns > 0) costs_.hit_ns = hit_ns;
  cost_.hit_ns = costs_.hit_ns;
}

void AllocBursts::make_plan(Watch& watch) {
  const std::uint64_t now = monotonic_ns();
  // Attaching alone would be more than the budget of what hardly does anything.
  if (watch.target.cpus_mean < kIdleCpus) {
    watch.plan.reset();
    watch.next_ns = now + kSliceNs;
    watch.remark = fmt::format("it uses {} cores in all: too little for a look at its allocator",
                               format_cores(watch.target.cpus_mean));
    return;
  }
  if (!watch.governor) {
    watch.governor = std::make_unique<BurstGovernor>(budget_share_, costs_, std::random_device{}());
    watch.settled_ns = now;
  }
  watch.governor->set_budget(budget_share_ * watch.target.part_of_budget);
  watch.plan = watch.governor->next(watch.target.cpus);
  watch.next_ns = watch.plan ? watch.settled_ns + watch.plan->pause_ns : now + kTryAgainNs;
  watch.remark = watch.plan
                     ? std::string()
                     : fmt::format("given up for now: windows cost more than {} of its CPU time",
                                   format_share(budget_share_));
}

// By turns, each as often as its own governor has it.
AllocBursts::WatchPtr AllocBursts::choose() {
  const std::lock_guard lock(mutex_);
  WatchPtr first;
  for (const WatchPtr& watch : watches_) {
    if (watch->target.allocators.empty()) continue;
    // It may have fallen idle since the next window was planned.
    const bool is_due = !watch->plan && watch->next_ns <= monotonic_ns();
    const bool is_over = watch->plan && watch->target.cpus_mean < kIdleCpus;
    if (mode_ == AllocMode::kBurst && (is_due || is_over)) make_plan(*watch);
    if (!first || watch->next_ns < first->next_ns) first = watch;
  }
  return first;
}

std::vector<AllocCounts> AllocBursts::counts_of(const BurstTarget& target) const {
  std::vector<AllocCounts> counts;
  const std::size_t many = std::min<std::size_t>(target.allocators.size(), kAllocators);
  counts.reserve(many);
  for (std::uint32_t i = 0; i < many; ++i) counts.push_back(probes_->counts(i));
  return counts;
}

void AllocBursts::keep(Watch& watch, AllocWindow frame, const std::vector<AllocCounts>& before) {
  const std::vector<AllocCounts> after = counts_of(watch.target);
  add_busy_time(before, after, frame);
  for (std::size_t i = 0; i < std::min({before.size(), after.size(), watch.windows.size()}); ++i) {
    std::deque<AllocWindow>& windows = watch.windows.at(i);
    windows.push_back(grown(frame, before[i], after[i]));
    while (windows.size() > kMostAllocWindows ||
           windows.front().open_ns + kWindowsKeptNs < frame.open_ns)
      windows.pop_front();
  }
}

void AllocBursts::burst(const std::stop_token& stop, const WatchPtr& watch) {
  std::optional<WindowPlan> plan;
  BurstTarget target;
  std::uint64_t due = 0;
  {
    const std::lock_guard lock(mutex_);
    plan = watch->plan;
    target = watch->target;
    due = watch->next_ns;
  }
  if (!pause_until(mutex_, changed_, stop, plan ? due : std::min(due, monotonic_ns() + kSliceNs)) ||
      !plan)
    return;

  const std::vector<AllocProbe> probes =
      probes_of(target.allocators, plan->set, probes_->uprobes());
  const HitCounts hits_before = probes_->hits(kSingleStepped);
  const std::vector<AllocCounts> before = counts_of(target);
  AllocWindow frame;
  frame.set = plan->set;
  std::uint64_t stacks = 0;
  {
    const ArmedProbes held = get_out_of_step(*probes_, own_probes_, random_);
    auto armed = probes_->arm(target.pid, probes);
    if (!armed) {
      const std::lock_guard lock(mutex_);
      watch->remark = remark_on(armed.error());
      watch->plan.reset();
      watch->next_ns = watch->settled_ns = monotonic_ns() + kSliceNs * 4;
      return;
    }
    frame.open_ns = monotonic_ns() + lead_before(plan->length_ns);
    std::uint64_t close_ns = frame.open_ns + plan->length_ns;
    probes_->count_in({.open_ns = frame.open_ns,
                       .close_ns = close_ns,
                       .target = watch->number,
                       .stacks_one_in = plan->stacks_one_in});
    if (surges_before(close_ns, plan->most_hits,
                      [&] { return probes_->hits(kSingleStepped).all - hits_before.all; }))
      probes_->stop_counting(monotonic_ns());
    close_ns = std::min(close_ns, probes_->closes_at());
    frame.length_ns = close_ns - frame.open_ns;
  }
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < before.size(); ++i)
    stacks += probes_->counts(static_cast<std::uint32_t>(i)).stacks - before[i].stacks;
  if (!plan->trial) keep(*watch, frame, before);
  const std::uint64_t now = monotonic_ns();
  const HitCounts hits = probes_->hits(kSingleStepped) - hits_before;
  const WindowOutcome outcome{
      .length_ns = frame.length_ns, .inside = hits.inside, .hits = hits.all, .stacks = stacks};
  watch->governor->settle(*plan, outcome, now - watch->settled_ns, target.cpus);
  watch->settled_ns = now;
  watch->plan.reset();
  watch->next_ns = now;
  cost_.hits += outcome.hits;
  cost_.ns += static_cast<std::uint64_t>(watch->governor->cost_of(outcome));
}

// Once it is known how much passes, so that a window costs what it is meant to.
void AllocBursts::follow_blocks(const WatchPtr& watch) {
  BurstTarget target;
  std::optional<double> rate;
  {
    const std::lock_guard lock(mutex_);
    target = watch->target;
    // Rates come first: windows for them are the shorter ones.
    const bool has_rates = !watch->windows.empty() && watch->windows.front().size() >= kEnoughFirst;
    if (watch->governor && has_rates && watch->target.cpus_mean >= kIdleCpus)
      rate = watch->governor->hits_per_ns();
  }
  if (!rate || !lives_.is_due(target, *rate)) return;
  const ArmedProbes held = get_out_of_step(*probes_, own_probes_, random_);
  lives_.follow(target);
}

// The probes stay; what passes them is read slice by slice.
void AllocBursts::stay(const std::stop_token& stop, const WatchPtr& watch) {
  BurstTarget target;
  {
    const std::lock_guard lock(mutex_);
    target = watch->target;
  }
  auto armed =
      probes_->arm(target.pid, probes_of(target.allocators, ProbeSet::kBoth, probes_->uprobes()));
  if (!armed) {
    {
      const std::lock_guard lock(mutex_);
      watch->remark = remark_on(armed.error());
    }
    pause_until(mutex_, changed_, stop, monotonic_ns() + kSliceNs);
    return;
  }
  AllocWindow frame;
  frame.set = ProbeSet::kBoth;
  frame.open_ns = monotonic_ns();
  probes_->count_in({.open_ns = frame.open_ns,
                     .close_ns = std::numeric_limits<std::uint64_t>::max(),
                     .target = watch->number,
                     .stacks_one_in = kStacksOneInFull});
  std::uint64_t hits = probes_->hits(kSingleStepped).all;
  std::vector<AllocCounts> before = counts_of(target);
  while (pause_until(mutex_, changed_, stop, monotonic_ns() + kSliceNs)) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t now = monotonic_ns();
    frame.length_ns = now - frame.open_ns;
    std::vector<AllocCounts> after = counts_of(target);
    keep(*watch, frame, before);
    before = std::move(after);
    frame.open_ns = now;
    const std::uint64_t passed = probes_->hits(kSingleStepped).all;
    cost_.hits += passed - hits;
    cost_.ns += static_cast<std::uint64_t>(static_cast<double>(passed - hits) * costs_.hit_ns);
    hits = passed;
    if (std::ranges::find(watches_, watch) == watches_.end()) return;
    if (watch->target.image != target.image) return;
  }
}

// What the kernel's table of call sites has of it now.
void AllocBursts::look_at_sites(Watch& watch, std::uint64_t now) const {
  for (std::size_t i = 0; i < watch.sites.size(); ++i) {
    auto& looks = watch.sites[i];
    looks.push_back(
        {.time_ns = now, .sites = probes_->sites(watch.number, static_cast<std::uint32_t>(i))});
    while (looks.size() > 2 && looks[1].time_ns + kWindowsKeptNs < now) looks.pop_front();
  }
}

AllocatorSample AllocBursts::sample_of(const Watch& watch, std::size_t allocator,
                                       std::uint64_t since_ns) {
  const BurstTarget& target = watch.target;
  AllocatorSample sample;
  sample.pid = target.pid;
  sample.comm = target.comm;
  sample.image = target.image;
  sample.allocator = target.allocators[allocator].allocator;
  sample.mode = mode_ == AllocMode::kFull ? "full" : "burst";
  sample.windows = enough_of(watch.windows[allocator], since_ns);
  sample.remark = watch.remark;
  if (sample.remark.empty() && !target.allocators[allocator].not_observable.empty())
    sample.remark = target.allocators[allocator].not_observable.front();
  const auto& looks = watch.sites[allocator];
  const std::uint64_t from =
      sample.windows.empty() ? looks.back().time_ns : sample.windows.front().open_ns;
  auto old = std::ranges::find_if(looks, [&](const auto& look) { return look.time_ns > from; });
  // The look before the first window that counts; none: all that was ever seen.
  sample.sites =
      old == looks.begin() ? looks.back().sites : grown(std::prev(old)->sites, looks.back().sites);
  if (mode_ == AllocMode::kBurst)
    lives_.add_to(target, static_cast<std::uint32_t>(allocator), sample);
  return sample;
}

std::vector<AllocatorSample> AllocBursts::samples(std::uint64_t since_ns) {
  const std::lock_guard lock(mutex_);
  std::vector<AllocatorSample> samples;
  const auto add = [&](const Watch& watch) {
    for (std::size_t i = 0; i < std::min<std::size_t>(watch.sites.size(), kAllocators); ++i)
      if (i < watch.target.allocators.size()) samples.push_back(sample_of(watch, i, since_ns));
  };
  for (const WatchPtr& watch : watches_) {
    look_at_sites(*watch, monotonic_ns());
    add(*watch);
  }
  for (const WatchPtr& watch : unreported_) add(*watch);
  unreported_.clear();
  return samples;
}

AllocCost AllocBursts::take_cost() {
  const std::lock_guard lock(mutex_);
  AllocCost cost = cost_;
  cost_.hits = 0;
  cost_.ns = 0;
  const AllocCost of_lives = lives_.take_cost();
  cost.hits += of_lives.hits;
  cost.ns += of_lives.ns;
  return cost;
}

}  // namespace cw
