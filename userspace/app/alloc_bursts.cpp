#include "app/alloc_bursts.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <limits>
#include <random>
#include <ranges>

#include "app/hit_cost.h"
#include "app/rights.h"
#include "model/clock.h"
#include "output/format.h"

namespace cw {
namespace {

// From attaching to a window's opening: what attaching kept threads from is made up for then.
constexpr std::uint64_t kShortestLeadNs = 20'000;
constexpr std::uint64_t kLongestLeadNs = 600'000;
constexpr std::uint64_t kCheckNs = 2'000'000;      // how often a long window is looked after
constexpr std::uint64_t kKeptNs = 30'000'000'000;  // windows older than this tell of another time
constexpr std::size_t kMostWindows = 1024;
constexpr std::size_t kEnoughWindows = 16;       // of each set
constexpr std::size_t kTakeTurns = 4;            // processes that are watched by turns
constexpr std::uint64_t kSliceNs = 250'000'000;  // of a process whose probes stay
constexpr std::uint32_t kStacksOneInFull = 64;
constexpr std::uint64_t kTryAgainNs = 30'000'000'000;  // after giving up
constexpr std::uint64_t kSingleStepped = 15;           // times the cost of an emulated one, at most

void sleep_until(std::uint64_t time_ns) {
  timespec time{};
  time.tv_sec = static_cast<time_t>(time_ns / 1'000'000'000U);
  time.tv_nsec = static_cast<long>(time_ns % 1'000'000'000U);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
  }
}

std::optional<std::uint8_t> number_of(const std::optional<Register>& place) {
  return place ? std::optional(static_cast<std::uint8_t>(*place)) : std::nullopt;
}

bool is_common(AllocCall call) {
  return call == AllocCall::kMalloc || call == AllocCall::kNew || call == AllocCall::kFree ||
         call == AllocCall::kFreeSized;
}

// A block that is resized counts once, as an allocation.
std::vector<AllocProbe> probes_of(const BurstTarget& target, ProbeSet set) {
  std::vector<AllocProbe> probes;
  for (std::size_t i = 0; i < std::min<std::size_t>(target.allocators.size(), kAllocators); ++i) {
    for (const ProbeSite& site : target.allocators[i].sites) {
      const bool frees = !shape_of(site.call).allocates;
      if (set != ProbeSet::kBoth && frees != (set == ProbeSet::kFrees)) continue;
      probes.push_back(
          {.file = fmt::format("/proc/self/fd/{}", site.file->get()),
           .offset = site.file_offset,
           .allocator = static_cast<std::uint32_t>(i),
           .frees = frees,
           .common = is_common(site.call),
           .emulated = site.emulated,
           .first = number_of(frees ? site.pointer_in : site.size_in),
           .factor = frees ? std::nullopt : number_of(site.count_in),
           .resized = !frees && !site.jumps_to.empty() ? number_of(site.pointer_in) : std::nullopt,
           .nested_in = site.nested_in,
           .pushed = site.pushed});
    }
  }
  return probes;
}

AllocWindow grown(const AllocWindow& frame, const AllocCounts& before, const AllocCounts& after) {
  AllocWindow window = frame;
  window.allocs = after.allocs - before.allocs;
  window.frees = after.frees - before.frees;
  window.bytes = after.bytes - before.bytes;
  window.sizes = after.sizes.since(before.sizes);
  return window;
}

// Every hit stands for the mean time between two, that before a thread's first one included.
void add_busy_time(const std::vector<AllocCounts>& before, const std::vector<AllocCounts>& after,
                   AllocWindow& frame) {
  std::uint64_t hits = 0;
  std::uint64_t gaps = 0;
  std::uint64_t gap_ns = 0;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    hits += after[i].allocs - before[i].allocs + after[i].frees - before[i].frees;
    gaps += after[i].gaps - before[i].gaps;
    gap_ns += after[i].gap_ns - before[i].gap_ns;
  }
  frame.hits = hits;
  if (gaps == 0) return;
  frame.threads = hits - std::min(hits, gaps);
  frame.busy_ns = static_cast<std::uint64_t>(static_cast<double>(gap_ns) *
                                             static_cast<double>(hits) / static_cast<double>(gaps));
}

std::array<std::size_t, kProbeSets> by_set(const std::deque<AllocWindow>& windows,
                                           std::uint64_t since_ns) {
  std::array<std::size_t, kProbeSets> count{};
  for (const AllocWindow& window : windows)
    if (window.open_ns >= since_ns) ++count.at(static_cast<std::size_t>(window.set));
  return count;
}

// Those since then; where they are too few, as many older ones as it takes.
std::vector<AllocWindow> enough_of(const std::deque<AllocWindow>& windows, std::uint64_t since_ns) {
  std::vector<AllocWindow> chosen;
  for (const AllocWindow& window : windows)
    if (window.open_ns >= since_ns) chosen.push_back(window);
  std::array<std::size_t, kProbeSets> count = by_set(windows, since_ns);
  for (const AllocWindow& window : windows | std::views::reverse) {
    std::size_t& of_set = count.at(static_cast<std::size_t>(window.set));
    if (window.open_ns >= since_ns || of_set >= kEnoughWindows) continue;
    ++of_set;
    chosen.push_back(window);
  }
  std::ranges::sort(chosen, {}, &AllocWindow::open_ns);
  return chosen;
}

std::vector<AllocSite> grown(const std::vector<AllocSite>& before,
                             const std::vector<AllocSite>& after) {
  std::map<StackId, AllocSite> known;
  for (const AllocSite& site : before) known[site.stack] = site;
  std::vector<AllocSite> sites;
  for (AllocSite site : after) {
    const AllocSite& old = known[site.stack];
    if (site.allocs <= old.allocs) continue;
    site.allocs -= old.allocs;
    site.bytes -= std::min(site.bytes, old.bytes);
    sites.push_back(site);
  }
  return sites;
}

}  // namespace

AllocBursts::AllocBursts(AllocProbes& probes, double budget_share, AllocMode mode)
    : probes_(&probes), budget_share_(budget_share), mode_(mode) {}

AllocBursts::~AllocBursts() = default;

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
  for (const WatchPtr& watch : watches_)
    if (std::ranges::find(watches, watch) == watches.end()) probes_->forget_target(watch->number);
  watches_ = std::move(watches);
  changed_.notify_all();
}

// Waits; false when it is time to end.
bool AllocBursts::pause_until(const std::stop_token& stop, std::uint64_t time_ns) {
  std::unique_lock lock(mutex_);
  const std::uint64_t now = monotonic_ns();
  if (time_ns > now)
    changed_.wait_for(lock, stop, std::chrono::nanoseconds(time_ns - now), [] { return false; });
  return !stop.stop_requested();
}

void AllocBursts::run(const std::stop_token& stop) {
  prctl(PR_SET_TIMERSLACK, 1);
  // A window that closes late because others have the CPU is paid by the process all the while.
  const sched_param lowest{.sched_priority = 1};
  static_cast<void>(sched_setscheduler(0, SCHED_RR, &lowest));
  // Rights are each thread's own.
  if (!drop_rights()) return;
  prctl(PR_SET_NAME, "cw-bursts");
  measure_hit();
  own_probe_ = probe_on_ourselves();
  while (!stop.stop_requested()) {
    const WatchPtr watch = choose();
    if (!watch) {
      if (!pause_until(stop, monotonic_ns() + kSliceNs)) return;
    } else if (mode_ == AllocMode::kFull) {
      stay(stop, watch);
    } else {
      burst(stop, watch);
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
  if (!watch.governor) {
    watch.governor = std::make_unique<BurstGovernor>(budget_share_, costs_, std::random_device{}());
    watch.settled_ns = now;
  }
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
    if (mode_ == AllocMode::kBurst && !watch->plan && watch->next_ns <= monotonic_ns())
      make_plan(*watch);
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

// A long window is closed early when much more passes than was expected: the rate has surged.
void AllocBursts::sleep_while_counting(const WindowPlan& plan, std::uint64_t close_ns,
                                       std::uint64_t hits_before) {
  for (std::uint64_t now = monotonic_ns(); now < close_ns; now = monotonic_ns()) {
    sleep_until(std::min(close_ns, now + kCheckNs));
    if (probes_->hits(kSingleStepped).all - hits_before <= plan.most_hits) continue;
    probes_->stop_counting(monotonic_ns());
    return;
  }
}

void AllocBursts::keep(Watch& watch, AllocWindow frame, const std::vector<AllocCounts>& before) {
  const std::vector<AllocCounts> after = counts_of(watch.target);
  add_busy_time(before, after, frame);
  for (std::size_t i = 0; i < std::min({before.size(), after.size(), watch.windows.size()}); ++i) {
    std::deque<AllocWindow>& windows = watch.windows.at(i);
    windows.push_back(grown(frame, before[i], after[i]));
    while (windows.size() > kMostWindows || windows.front().open_ns + kKeptNs < frame.open_ns)
      windows.pop_front();
  }
}

// The first attaching after a while waits for all CPUs to have passed a quiet moment, which the
// kernel notes at a tick of the clock: windows would all open in step with it, and so with programs
// that are paced by the clock. For some milliseconds then, attaching and detaching need not wait
// (rcu_sync_enter(), kernel/rcu/sync.c, by percpu_down_write() in register_for_each_vma(),
// kernel/events/uprobes.c). So ourselves are probed first, and a random part of a tick later comes
// the process; nor does it have to wait for its probes to go.
ArmedProbes AllocBursts::get_out_of_step() {
  ArmedProbes held;
  if (!own_probe_) return held;
  if (auto armed = probes_->arm(getpid(), {&*own_probe_, 1})) held = std::move(*armed);
  timespec tick{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0) return held;
  std::uniform_int_distribution<long> within(0, tick.tv_nsec);
  sleep_until(monotonic_ns() + static_cast<std::uint64_t>(within(random_)));
  return held;
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
  if (!pause_until(stop, plan ? due : std::min(due, monotonic_ns() + kSliceNs)) || !plan) return;

  const std::vector<AllocProbe> probes = probes_of(target, plan->set);
  const HitCounts hits_before = probes_->hits(kSingleStepped);
  const std::vector<AllocCounts> before = counts_of(target);
  AllocWindow frame;
  frame.set = plan->set;
  std::uint64_t stacks = 0;
  {
    const ArmedProbes held = get_out_of_step();
    auto armed = probes_->arm(target.pid, probes);
    if (!armed) {
      const std::lock_guard lock(mutex_);
      watch->remark = armed.error().message;
      watch->plan.reset();
      watch->next_ns = watch->settled_ns = monotonic_ns() + kSliceNs * 4;
      return;
    }
    frame.open_ns =
        monotonic_ns() + std::clamp(plan->length_ns / 8, kShortestLeadNs, kLongestLeadNs);
    std::uint64_t close_ns = frame.open_ns + plan->length_ns;
    probes_->count_in({.open_ns = frame.open_ns,
                       .close_ns = close_ns,
                       .target = watch->number,
                       .stacks_one_in = plan->stacks_one_in});
    sleep_while_counting(*plan, close_ns, hits_before.all);
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

// The probes stay; what passes them is read slice by slice.
void AllocBursts::stay(const std::stop_token& stop, const WatchPtr& watch) {
  BurstTarget target;
  {
    const std::lock_guard lock(mutex_);
    target = watch->target;
  }
  auto armed = probes_->arm(target.pid, probes_of(target, ProbeSet::kBoth));
  if (!armed) {
    {
      const std::lock_guard lock(mutex_);
      watch->remark = armed.error().message;
    }
    pause_until(stop, monotonic_ns() + kSliceNs);
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
  while (pause_until(stop, monotonic_ns() + kSliceNs)) {
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

std::vector<AllocatorSample> AllocBursts::samples(std::uint64_t since_ns) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = monotonic_ns();
  std::vector<AllocatorSample> samples;
  for (const WatchPtr& watch : watches_) {
    const BurstTarget& target = watch->target;
    for (std::size_t i = 0; i < std::min<std::size_t>(target.allocators.size(), kAllocators); ++i) {
      AllocatorSample sample;
      sample.pid = target.pid;
      sample.comm = target.comm;
      sample.image = target.image;
      sample.allocator = target.allocators[i].allocator;
      sample.mode = mode_ == AllocMode::kFull ? "full" : "burst";
      sample.windows = enough_of(watch->windows[i], since_ns);
      sample.remark = watch->remark;
      if (sample.remark.empty() && !target.allocators[i].not_observable.empty())
        sample.remark = target.allocators[i].not_observable.front();
      auto& looks = watch->sites[i];
      looks.push_back(
          {.time_ns = now, .sites = probes_->sites(watch->number, static_cast<std::uint32_t>(i))});
      while (looks.size() > 2 && looks[1].time_ns + kKeptNs < now) looks.pop_front();
      const std::uint64_t from = sample.windows.empty() ? now : sample.windows.front().open_ns;
      auto old = std::ranges::find_if(looks, [&](const auto& look) { return look.time_ns > from; });
      // The look before the first window that counts; none: all that was ever seen.
      sample.sites = old == looks.begin() ? looks.back().sites
                                          : grown(std::prev(old)->sites, looks.back().sites);
      samples.push_back(std::move(sample));
    }
  }
  return samples;
}

AllocCost AllocBursts::take_cost() {
  const std::lock_guard lock(mutex_);
  const AllocCost cost = cost_;
  cost_.hits = 0;
  cost_.ns = 0;
  return cost;
}

}  // namespace cw
