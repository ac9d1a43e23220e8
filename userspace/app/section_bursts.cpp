#include "app/section_bursts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/section_cost.h"
#include "app/window_timing.h"
#include "model/clock.h"
#include "output/format.h"

namespace cw {
namespace {

constexpr std::size_t kMostSectionWindows = 256;
constexpr std::size_t kMostRecords = 32;  // not made sense of yet
constexpr std::uint64_t kIdleNs = 250'000'000;
// Attaching to and detaching from the seventeen functions of a C library, and one more.
constexpr double kWindowNs = 150'000;
// Only some windows see both ends of a hold, and shares of its time are told from those with a
// stack: most of them may as well have one.
constexpr double kStacksAWindow = 192;

std::vector<SectionProbe> probes_of(const SectionTarget& target, ProbeSet set) {
  std::vector<SectionProbe> probes;
  for (const LockSite& site : target.sites) {
    if (set != ProbeSet::kBoth && asks(site.call) != (set == kAsking)) continue;
    SectionProbe probe{.file = fmt::format("/proc/self/fd/{}", site.file->get()),
                       .offset = site.file_offset,
                       .call = site.call,
                       .musl = site.library == LockLibrary::kMusl,
                       .emulated = site.emulated,
                       .lock = number_of(site.lock_in),
                       .condition = number_of(site.condition_in)};
    probes.push_back(std::move(probe));
  }
  return probes;
}

}  // namespace

SectionBursts::SectionBursts(SectionProbes& probes, double budget_share)
    : probes_(&probes), budget_share_(budget_share) {
  probe_costs_.window_ns = kWindowNs;
  probe_costs_.stacks_a_window = kStacksAWindow;
}

SectionBursts::~SectionBursts() = default;

void SectionBursts::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void SectionBursts::watch(std::vector<SectionTarget> targets) {
  targets.resize(std::min(targets.size(), kTakeTurns));
  const std::lock_guard lock(mutex_);
  std::vector<WatchPtr> watches;
  for (SectionTarget& target : targets) {
    const auto known = std::ranges::find_if(watches_, [&](const WatchPtr& watch) {
      return watch->target.pid == target.pid && watch->target.image == target.image;
    });
    WatchPtr watch = known == watches_.end() ? std::make_shared<Watch>() : *known;
    watch->target = std::move(target);
    watches.push_back(std::move(watch));
  }
  keep_unreported(watches_, watches, unreported_);
  watches_ = std::move(watches);
  changed_.notify_all();
}

std::vector<SectionBursts::WatchPtr> SectionBursts::all_watches() const {
  std::vector<WatchPtr> all = watches_;
  all.insert(all.end(), unreported_.begin(), unreported_.end());
  return all;
}

void SectionBursts::run(const std::stop_token& stop) {
  if (!become_window_thread("cw-sections")) return;
  measure();
  own_probes_ = sections_on_ourselves();
  if (!own_probes_.empty()) own_probes_.resize(1);
  while (!stop.stop_requested()) {
    if (const WatchPtr watch = choose())
      burst(stop, watch);
    else if (!pause_until(mutex_, changed_, stop, monotonic_ns() + kIdleNs))
      return;
  }
}

void SectionBursts::measure() {
  const auto costs = measure_section_costs(*probes_);
  const std::lock_guard lock(mutex_);
  if (costs) {
    costs_ = *costs;
    probe_costs_.hit_ns = costs->hit_ns;
  } else {
    costs_.hit_ns = probe_costs_.hit_ns;
  }
  costs_.stack_ns = probe_costs_.stack_ns;
}

void SectionBursts::make_plan(Watch& watch) {
  const std::uint64_t now = monotonic_ns();
  if (!watch.governor) {
    watch.governor =
        std::make_unique<BurstGovernor>(budget_share_, probe_costs_, std::random_device{}());
    watch.settled_ns = now;
  }
  const double share = budget_share_ * watch.target.part_of_budget;
  watch.governor->set_budget(share);
  watch.plan = watch.governor->next(watch.target.cpus);
  watch.next_ns = watch.plan ? watch.settled_ns + watch.plan->pause_ns : now + kTryAgainNs;
  watch.remark = watch.plan
                     ? std::string()
                     : fmt::format("given up for now: windows cost more than {} of its CPU time",
                                   format_share(share));
}

// By turns, each as often as its own governor has it.
SectionBursts::WatchPtr SectionBursts::choose() {
  const std::lock_guard lock(mutex_);
  WatchPtr first;
  for (const WatchPtr& watch : watches_) {
    if (watch->target.sites.empty()) continue;
    if (!watch->plan && watch->next_ns <= monotonic_ns()) make_plan(*watch);
    if (!first || watch->next_ns < first->next_ns) first = watch;
  }
  return first;
}

Result<SectionRecord> SectionBursts::observe(const SectionTarget& target, const WindowPlan& plan) {
  {
    const ArmedProbes held = get_out_of_step(*probes_, own_probes_, random_);
    probes_->clear();
    auto armed = probes_->arm(target.pid, probes_of(target, plan.set));
    if (!armed) return std::unexpected(armed.error());
    const std::uint64_t open_ns = monotonic_ns() + lead_before(plan.length_ns);
    const std::uint64_t close_ns = open_ns + plan.length_ns;
    probes_->open(open_ns, close_ns, plan.set == ProbeSet::kBoth ? plan.stacks_one_in : 0);
    if (surges_before(close_ns, plan.most_hits, [&] { return probes_->hits(kSingleStepped).all; }))
      probes_->close(monotonic_ns());
  }
  SectionRecord record = probes_->record();
  record.set = plan.set;
  return record;
}

void SectionBursts::burst(const std::stop_token& stop, const WatchPtr& watch) {
  std::optional<WindowPlan> plan;
  SectionTarget target;
  std::uint64_t due = 0;
  {
    const std::lock_guard lock(mutex_);
    plan = watch->plan;
    target = watch->target;
    due = watch->next_ns;
  }
  if (!pause_until(mutex_, changed_, stop, plan ? due : std::min(due, monotonic_ns() + kIdleNs)) ||
      !plan)
    return;
  auto record = observe(target, *plan);
  const double cold_ns = record ? cold_hits_ns(*record, costs()) : 0;
  const std::lock_guard lock(mutex_);
  if (record) {
    settle(*watch, *plan, std::move(*record), cold_ns);
    return;
  }
  watch->remark = remark_on(record.error());
  watch->plan.reset();
  watch->next_ns = watch->settled_ns = monotonic_ns() + kIdleNs * 4;
}

void SectionBursts::settle(Watch& watch, const WindowPlan& plan, SectionRecord record,
                           double cold_ns) {
  const std::uint64_t now = monotonic_ns();
  const HitCounts hits = probes_->hits(kSingleStepped);
  const WindowOutcome outcome{.length_ns = record.length_ns,
                              .inside = hits.inside,
                              .hits = hits.all,
                              .stacks = probes_->stacks(),
                              .cold_ns = cold_ns};
  watch.governor->settle(plan, outcome, now - watch.settled_ns, watch.target.cpus);
  watch.settled_ns = now;
  watch.plan.reset();
  watch.next_ns = now;
  cost_ns_ += static_cast<std::uint64_t>(watch.governor->cost_of(outcome));
  if (plan.trial || record.length_ns == 0) return;
  watch.records.push_back(std::move(record));
  if (watch.records.size() <= kMostRecords) return;
  watch.records.pop_front();
  ++lost_windows_;
}

void SectionBursts::digest() {
  std::vector<WatchPtr> watches;
  SectionCosts costs;
  {
    const std::lock_guard lock(mutex_);
    watches = all_watches();
    costs = costs_;
  }
  for (const WatchPtr& watch : watches) {
    for (;;) {
      SectionRecord record;
      {
        const std::lock_guard lock(mutex_);
        if (watch->records.empty()) break;
        record = std::move(watch->records.front());
        watch->records.pop_front();
      }
      SectionWindow window = sections_in(std::move(record), costs);
      const std::lock_guard lock(mutex_);
      watch->windows.push_back(std::move(window));
      while (watch->windows.size() > kMostSectionWindows ||
             watch->windows.front().open_ns + kWindowsKeptNs < watch->windows.back().open_ns)
        watch->windows.pop_front();
    }
  }
}

std::vector<SectionSample> SectionBursts::samples(std::uint64_t since_ns) {
  const std::lock_guard lock(mutex_);
  std::vector<SectionSample> samples;
  samples.reserve(watches_.size() + unreported_.size());
  for (const WatchPtr& watch : all_watches())
    samples.push_back({.pid = watch->target.pid,
                       .image = watch->target.image,
                       .windows = enough_of(watch->windows, since_ns),
                       .remark = watch->remark});
  unreported_.clear();
  return samples;
}

SectionCosts SectionBursts::costs() const {
  const std::lock_guard lock(mutex_);
  return costs_;
}

std::uint64_t SectionBursts::take_cost_ns() {
  const std::lock_guard lock(mutex_);
  return std::exchange(cost_ns_, 0);
}

std::uint64_t SectionBursts::lost_windows() const {
  const std::lock_guard lock(mutex_);
  return lost_windows_;
}

}  // namespace cw
