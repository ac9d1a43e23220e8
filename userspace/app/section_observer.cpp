#include "app/section_observer.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "analysis/alloc_estimate.h"
#include "analysis/section_bounds.h"
#include "analysis/section_estimate.h"
#include "analysis/sections.h"
#include "analysis/uncontended.h"
#include "app/overhead.h"
#include "model/clock.h"
#include "process/lock_functions.h"
#include "process/proc.h"

namespace cw {
namespace {

constexpr std::size_t kFunctionsSearchedALook = 8;  // processes
constexpr double kHardlyRuns = 0.002;               // CPUs: what it holds, it holds in nobody's way

bool has_fast_path(LockKind kind) {
  return kind == LockKind::kMutex || kind == LockKind::kRwlock;
}

// By address, of locks that no other process waits for.
std::map<std::uint64_t, LockRates> counted_in(const Report& report, std::int32_t pid) {
  std::map<std::uint64_t, LockRates> counted;
  for (const LockReport& lock : report.locks) {
    if (lock.address == 0 || lock.objects > 1 || lock.pids != std::vector{pid}) continue;
    LockRates& rates = counted[lock.address];
    rates.busy_share = std::max(rates.busy_share.value_or(0), lock.busy_share);
    for (const Releasers& releasers : lock.releasers)
      rates.wakes_per_s += static_cast<double>(releasers.wakes) / report.interval_s;
  }
  return counted;
}

// What somebody in the process waited for, wherever else it is.
void add_waited(const Report& report, SectionContext& context) {
  for (const LockReport& lock : report.locks) {
    if (lock.objects > 1 && std::ranges::find(lock.pids, context.pid) != lock.pids.end())
      context.waits_for_classes = true;
    for (const LockPlace& place : places_of(lock))
      if (place.pid == context.pid) context.waited.insert(place.address);
  }
}

// Why nothing, or not all, is told of a process's locks; empty: there is nothing to explain.
std::string silence_of(const SectionSample& sample, const SectionContext& context, bool has_some,
                       bool waited) {
  constexpr std::size_t kEnough = kFewestWindows * kProbeSets;
  if (is_crowded(context))
    return fmt::format("{}: its threads lack a CPU for too much of the time",
                       has_some ? " under its less busy locks" : "");
  if (has_some || !waited || !sample.remark.empty()) return {};
  if (sample.windows.size() < kEnough)
    return fmt::format(": {} of the {} windows so far that a rate may take", sample.windows.size(),
                       kEnough);
  return ": its threads hardly do more than take locks, which probes make them do otherwise";
}

}  // namespace

SectionObserver::SectionObserver(const Settings& settings, SectionProbes probes)
    : probes_(std::move(probes)),
      bursts_(probes_, settings.budget_pct / 100 * settings.part_of_budget()) {}

Result<std::unique_ptr<SectionObserver>> SectionObserver::start(const Settings& settings,
                                                                const LockProbes& locks) {
  if (!settings.observe.locks) return nullptr;
  auto probes = SectionProbes::load(locks);
  if (!probes) return std::unexpected(probes.error());
  return std::unique_ptr<SectionObserver>(new SectionObserver(settings, std::move(*probes)));
}

void SectionObserver::begin() {
  bursts_.start();
  report_ns_ = monotonic_ns();
}

// Again when the process runs another program or has mapped more.
void SectionObserver::find_functions(const MemoryTarget& target, TargetSymbols& symbols,
                                     Known& known) {
  ProcessSymbols* process = symbols.process(target.image);
  if (process == nullptr) return;
  const std::size_t code = process->memory_map().code_mappings();
  if (known.searched && known.image == target.image && known.mappings == code) return;
  known.searched = true;
  known.image = target.image;
  known.mappings = code;
  known.functions = find_lock_sites(*process);
}

// A thread alone waits for nobody.
bool SectionObserver::is_worth_it(std::int32_t pid, const Known& known, double cpus) const {
  if (known.functions.sites.empty()) return false;
  if (cpus < kHardlyRuns && !waited_.contains(pid)) return false;
  return tids_of(pid).size() > 1;
}

void SectionObserver::look(const std::vector<MemoryTarget>& targets, const CpuUse& use,
                           TargetSymbols& symbols, const std::set<std::int32_t>& shared_with) {
  bursts_.digest();
  std::erase_if(known_, [&](const auto& entry) { return !use.knows(entry.first); });
  std::vector<MemoryTarget> busiest = targets;
  std::ranges::sort(busiest, std::greater{}, [&](const MemoryTarget& target) {
    return std::tuple(waited_.contains(target.pid), use.of(target.pid).lately, target.pid);
  });
  busiest.resize(std::min(busiest.size(), kFunctionsSearchedALook));
  std::vector<SectionTarget> watched;
  probed_.clear();
  for (const MemoryTarget& target : busiest) {
    Known& process = known_[target.pid];
    find_functions(target, symbols, process);
    const double cpus = use.of(target.pid).lately;
    const bool worth_it = is_worth_it(target.pid, process, cpus);
    // What was seen of one that has gone quiet is still to be reported.
    if (!worth_it && !process.was_probed) continue;
    if (worth_it) probed_.insert(target.pid);
    process.was_probed = true;
    watched.push_back({.pid = target.pid,
                       .image = target.image,
                       .cpus = cpus,
                       .part_of_budget = shared_with.contains(target.pid) ? 0.5 : 1,
                       .sites = worth_it ? process.functions.sites : std::vector<LockSite>()});
  }
  bursts_.watch(std::move(watched));
}

void SectionObserver::add_cost(Report& report) {
  Fidelity& fidelity = report.fidelity;
  if (const double hit_ns = bursts_.costs().hit_ns; hit_ns > 0) fidelity.sections_hit_ns = hit_ns;
  fidelity.sections_overhead_pct = add_overhead(bursts_.take_cost_ns(), report);
  Losses losses = probes_.losses();
  losses.events += bursts_.lost_windows();
  const Losses lost = losses - std::exchange(losses_, losses);
  fidelity.lost.stacks += lost.stacks;
  fidelity.lost.map_full += lost.map_full;
  fidelity.lost.events += lost.events;
}

void SectionObserver::add_remarks(const std::vector<SectionSample>& samples, Report& report) const {
  std::set<std::string> said;
  for (const SectionSample& sample : samples)
    if (!sample.remark.empty()) said.insert(sample.remark);
  for (const auto& [pid, known] : known_)
    if (!known.functions.not_observable.empty())
      said.insert(known.functions.not_observable.front());
  for (const std::string& remark : said)
    report.verdict.not_seen.push_back("critical sections: " + remark);
}

std::vector<LockSections> SectionObserver::report(Report& report) {
  bursts_.digest();
  add_cost(report);
  const std::vector<SectionSample> samples = bursts_.samples(report_ns_);
  report_ns_ = monotonic_ns();
  add_remarks(samples, report);
  waited_.clear();
  for (const LockReport& lock : report.locks)
    if (has_fast_path(lock.kind) && !is_inlined(lock) && !lock.goroutines)
      waited_.insert(lock.pids.begin(), lock.pids.end());
  std::vector<LockSections> sections;
  std::vector<UncontendedLocks> uncontended;
  for (const SectionSample& sample : samples) {
    SectionContext context;
    context.pid = sample.pid;
    context.image = sample.image;
    context.costs = bursts_.costs();
    const auto process = std::ranges::find(report.processes, sample.pid, &ProcessReport::pid);
    if (process != report.processes.end()) {
      context.busy = process->threads_mean.on_cpu + process->threads_mean.lock_wait;
      context.runnable = process->threads_mean.runnable;
    }
    context.counted = counted_in(report, sample.pid);
    add_waited(report, context);
    std::vector<LockSections> of_process = estimate_sections(sample.windows, context);
    const std::string why =
        silence_of(sample, context, !of_process.empty(), waited_.contains(sample.pid));
    if (!why.empty())
      report.verdict.not_seen.push_back(fmt::format("critical sections of {}{}", sample.pid, why));
    if (!is_crowded(context))
      if (auto locks = uncontended_locks(sample.windows, of_process, context))
        uncontended.push_back(*locks);
    std::ranges::move(of_process, std::back_inserter(sections));
  }
  clear_uncontended(uncontended, report);
  return sections;
}

}  // namespace cw
