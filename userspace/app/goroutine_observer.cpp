#include "app/goroutine_observer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "analysis/goroutines.h"
#include "app/hit_cost.h"
#include "app/overhead.h"
#include "model/clock.h"
#include "output/format.h"
#include "process/go_locks.h"

namespace cw {
namespace {

constexpr std::uint64_t kShortestWindowNs = 30'000'000;  // of a window
constexpr std::uint64_t kAwaitedWindowNs = 100'000'000;  // up to so long a look waits for its end
constexpr std::uint64_t kLongestWindowNs = 2'000'000'000;
constexpr std::uint64_t kWaitsInWindow = 4;  // one after the other
constexpr double kSavedForNs = 1e9;          // what is allowed in so long pays for a window
constexpr std::size_t kMostPrograms = 4;     // probed
constexpr std::size_t kFew = 64;             // processes
constexpr double kHardlyRunning = 0.002;     // CPUs
constexpr std::size_t kSearchedALook = 8;    // processes
constexpr Allowance::Bounds kBounds{.unfelt = 0.001, .kept_ns = 2e9};
constexpr double kDebtNs = 1e10;     // what is allowed in so long, overspent
constexpr double kNearlyAll = 0.97;  // of an interval: reports and looks have lengths of their own

}  // namespace

GoroutineObserver::GoroutineObserver(const LockProbes& locks, GoroutineProbes probes,
                                     double budget_share)
    : locks_(&locks),
      probes_(std::move(probes)),
      allowance_(budget_share, kBounds, budget_share * kBounds.kept_ns),
      settled_ns_(monotonic_ns()) {}

Result<std::unique_ptr<GoroutineObserver>> GoroutineObserver::start(const Settings& settings,
                                                                    LockProbes& locks) {
  auto probes = GoroutineProbes::load(locks, settings.uprobes);
  if (!probes) return std::unexpected(probes.error());
  std::unique_ptr<GoroutineObserver> observer(new GoroutineObserver(
      locks, std::move(*probes), settings.budget_pct / 100 * settings.part_of_budget()));
  observer->measure_hit();
  return observer;
}

void GoroutineObserver::measure_hit() {
  const auto own = probe_on_ourselves();
  auto file = std::make_shared<const Fd>(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!own || !*file) return;
  const double alone = probed_call_ns();
  const auto armed =
      probes_.arm(getpid(), {.file = std::move(file),
                             .sites = {{.place = GoPlace::kWakes, .file_offset = own->offset}},
                             .why_none = {}});
  if (armed) hit_ns_ = std::max(0.0, probed_call_ns() - alone);
  settled_hits_ = probes_.hits();
}

// Of many that are new, the busiest first; where there are very many, none of those that rest.
void GoroutineObserver::find_programs(const std::vector<MemoryTarget>& targets, const CpuUse& use,
                                      TargetSymbols& symbols) {
  std::map<std::int32_t, ImageId> present;
  for (const MemoryTarget& target : targets) present.emplace(target.pid, target.image);
  for (auto entry = programs_.begin(); entry != programs_.end();) {
    const auto found = present.find(entry->first);
    const ImageId image = entry->second.image;
    if (found != present.end() && found->second == image) {
      entry->second.cpus = use.of(entry->first).lately;
      present.erase(found);
      ++entry;
      continue;
    }
    entry = programs_.erase(entry);
    probes_.forget_waits(image);
  }
  std::vector<MemoryTarget> fresh;
  for (const auto& [pid, image] : present)
    if (image != 0 && (targets.size() <= kFew || use.of(pid).lately >= kHardlyRunning))
      fresh.push_back({.pid = pid, .image = image});
  std::ranges::sort(fresh, std::greater{},
                    [&](const MemoryTarget& target) { return use.of(target.pid).lately; });
  fresh.resize(std::min(fresh.size(), kSearchedALook));
  for (const MemoryTarget& target : fresh) {
    ProcessSymbols* const process = symbols.process(target.image);
    if (process == nullptr) continue;
    programs_.emplace(target.pid, Program{.image = target.image,
                                          .sites = find_go_sites(*process),
                                          .cpus = use.of(target.pid).lately,
                                          .armed = {},
                                          .refused = {}});
  }
}

std::vector<GoroutineObserver::Program*> GoroutineObserver::to_probe() {
  std::vector<Program*> chosen;
  for (auto& [pid, program] : programs_)
    if (!program.sites.sites.empty() && program.refused.empty()) chosen.push_back(&program);
  std::ranges::sort(chosen, std::greater{}, &Program::cpus);
  chosen.resize(std::min(chosen.size(), kMostPrograms));
  return chosen;
}

void GoroutineObserver::arm() {
  const std::vector<Program*> chosen = to_probe();
  for (auto& [pid, program] : programs_) {
    if (program.armed || std::ranges::find(chosen, &program) == chosen.end()) continue;
    if (auto probes = probes_.arm(pid, program.sites))
      program.armed = std::move(*probes);
    else if (probes.error().exit != Exit::kNoProcess)
      program.refused = probes.error().message;
  }
  const auto is_armed = [](const auto& entry) { return entry.second.armed.has_value(); };
  if (armed_ || std::ranges::none_of(programs_, is_armed)) return;
  armed_ = true;
  settle();
  armed_since_ns_ = settled_ns_;
}

// Those that have begun to wait are seen to end until the last probe is gone.
void GoroutineObserver::disarm() {
  if (!armed_) return;
  settle();
  seen_ns_ += settled_ns_ - armed_since_ns_;
  armed_ = false;
  for (auto& [pid, program] : programs_) {
    if (!program.armed) continue;
    program.armed.reset();
    probes_.forget_waits(program.image);
  }
}

void GoroutineObserver::settle() {
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t hits = probes_.hits();
  const std::uint64_t elapsed = std::max<std::uint64_t>(1, now - settled_ns_);
  const HookCost booked = locks_->cost();
  const double program_ns = booked.runs == 0 ? 0
                                             : static_cast<double>(booked.estimated_ns) /
                                                   static_cast<double>(booked.runs);
  const auto passed = static_cast<double>(hits - settled_hits_);
  // What our programs take is booked with what those of other waits do: cost_ns_ is the rest.
  const double cost = passed * (hit_ns_ + program_ns);
  double cpus = 0;
  for (const auto& [pid, program] : programs_)
    if (!program.sites.sites.empty()) cpus += program.cpus;
  cpus_ = cpus;
  allowance_.settle(cost, elapsed, cpus);
  if (armed_ && elapsed >= kShortestWindowNs) cost_per_ns_ = cost / static_cast<double>(elapsed);
  cost_ns_ += static_cast<std::uint64_t>(passed * hit_ns_);
  settled_ns_ = now;
  settled_hits_ = hits;
}

bool GoroutineObserver::may_stay() const {
  return cost_per_ns_.value_or(0) <= allowance_.per_ns(cpus_);
}

// The dearer it is, the shorter; but long enough that most waits that begin in it are seen to end.
std::uint64_t GoroutineObserver::next_window_ns() const {
  const double cost = cost_per_ns_.value_or(0);
  const double paid = cost > 0 ? allowance_.per_ns(cpus_) * kSavedForNs / cost : 0;
  const auto affordable = static_cast<std::uint64_t>(std::min(paid, double{kAwaitedWindowNs}));
  return std::clamp(std::max(affordable, kWaitsInWindow * wait_ns_), kShortestWindowNs,
                    kLongestWindowNs);
}

bool GoroutineObserver::can_afford(std::uint64_t window_ns) const {
  const double cost = cost_per_ns_.value_or(0) * static_cast<double>(window_ns);
  const double most = 0.9 * allowance_.per_ns(cpus_) * kBounds.kept_ns;
  return allowance_.ns_until(std::min(cost, most), cpus_) <= 0;
}

// Once only, so that it takes more than a surge.
void GoroutineObserver::give_up_in_debt() {
  if (allowance_.ns_until(0, cpus_) < kDebtNs) return;
  disarm();
  for (auto& [pid, program] : programs_)
    if (!program.sites.sites.empty())
      program.refused =
          "waited for too often for the budget, and before Linux 6.6 there are no windows";
}

void GoroutineObserver::look(const std::vector<MemoryTarget>& targets, const CpuUse& use,
                             TargetSymbols& symbols) {
  find_programs(targets, use, symbols);
  settle();
  const bool is_over = settled_ns_ >= armed_since_ns_ + window_ns_;
  if (to_probe().empty() || (armed_ && !may_stay() && probes_.can_arm_again() && is_over))
    disarm();
  else if (!armed_)
    begin_window();
  else if (may_stay())
    arm();  // who is new
  else if (!probes_.can_arm_again())
    give_up_in_debt();
}

void GoroutineObserver::begin_window() {
  window_ns_ = next_window_ns();
  if (!can_afford(window_ns_)) return;
  arm();
  if (window_ns_ > kAwaitedWindowNs || !probes_.can_arm_again()) return;  // a later look's to close
  sleep_until(monotonic_ns() + window_ns_);
  settle();
  if (!may_stay()) disarm();
}

void GoroutineObserver::complete(Interval& interval) {
  if (armed_) {
    const std::uint64_t now = monotonic_ns();
    seen_ns_ += now - armed_since_ns_;
    armed_since_ns_ = now;
  }
  wait_ns_ = std::min(goroutine_wait_ns(interval), kLongestWindowNs);
  const auto length = static_cast<double>(std::max<std::uint64_t>(1, interval.length_ns()));
  const double share = static_cast<double>(std::exchange(seen_ns_, 0)) / length;
  seen_share_ = share >= kNearlyAll ? 1 : share;
  extrapolate_goroutines(interval, seen_share_);
}

void GoroutineObserver::report(Report& report) {
  std::vector<std::string>& not_seen = report.verdict.not_seen;
  bool any = false;
  for (const auto& [pid, program] : programs_) {
    const std::string& why = program.refused.empty() ? program.sites.why_none : program.refused;
    if (!why.empty()) not_seen.push_back(fmt::format("Go's sync.Mutex in {}: {}", pid, why));
    any = any || (why.empty() && !program.sites.sites.empty());
  }
  if (!any) return;
  settle();
  report.fidelity.goroutines_seen_share = seen_share_;
  report.fidelity.goroutines_overhead_pct = add_overhead(std::exchange(cost_ns_, 0), report);
  not_seen.emplace_back("uncontended and spun-for acquisitions of Go's sync.Mutex");
  if (seen_share_ < 1)
    not_seen.push_back(
        fmt::format("goroutines for {} of the time: what is said of them is "
                    "extrapolated",
                    format_share(1 - seen_share_)));
}

}  // namespace cw
