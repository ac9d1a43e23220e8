#include "app/alloc_observer.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "analysis/alloc_rows.h"
#include "analysis/memory_verdict.h"
#include "app/overhead.h"
#include "model/clock.h"
#include "process/allocators.h"
#include "process/proc.h"

namespace cw {
namespace {

constexpr std::size_t kAllocatorsSearchedALook = 8;  // processes

Result<LifeProbes> load_lives(const LockProbes& locks, const AllocProbes& probes) {
  if (probes.uprobes() == UprobeWay::kSingle)
    return fail(Exit::kNotAllowed, "blocks are followed where there is uprobe.multi (Linux 6.6)");
  return LifeProbes::load(locks);
}

}  // namespace

AllocObserver::AllocObserver(const Settings& settings, AllocProbes probes, Result<LifeProbes> lives)
    : settings_(settings),
      probes_(std::move(probes)),
      memory_(probes_),
      bursts_(probes_, std::move(lives), settings.budget_pct / 100 * settings.part_of_budget(),
              settings.alloc_mode) {}

Result<std::unique_ptr<AllocObserver>> AllocObserver::start(const Settings& settings,
                                                            const LockProbes& locks,
                                                            Watched newcomers) {
  if (!settings.observe.alloc && !settings.observe.memory) return nullptr;
  const HookSet hooks = settings.observe.locks ? locks.hook_set() : settings.hooks;
  auto probes = AllocProbes::load(locks, newcomers, hooks, settings.uprobes);
  if (!probes) return std::unexpected(probes.error());
  auto lives = settings.observe.alloc && settings.alloc_mode == AllocMode::kBurst
                   ? load_lives(locks, *probes)
                   : fail(Exit::kFailed, "blocks are followed in bursts only");
  return std::unique_ptr<AllocObserver>(
      new AllocObserver(settings, std::move(*probes), std::move(lives)));
}

void AllocObserver::begin(const std::vector<MemoryTarget>& targets, const Activity& activity,
                          TargetSymbols& symbols) {
  if (settings_.observe.memory) {
    probes_.attach_memory();
    memory_.begin(targets, activity);
  }
  if (settings_.observe.alloc) bursts_.start();
  report_ns_ = monotonic_ns();
  if (!settings_.observe.alloc) return;
  for (const MemoryTarget& target : targets) {
    if (known_.size() == kAllocatorsSearchedALook) break;
    find_allocators(target, symbols, known_[target.pid]);
  }
}

// Again when the process runs another program or has mapped more.
void AllocObserver::find_allocators(const MemoryTarget& target, TargetSymbols& symbols,
                                    Known& known) {
  ProcessSymbols* process = symbols.process(target.image);
  if (process == nullptr) return;
  const std::size_t code = process->memory_map().code_mappings();
  if (known.image == target.image && known.mappings == code && known.searched_ns != 0) return;
  known.image = target.image;
  known.mappings = code;
  known.searched_ns = monotonic_ns();
  known.allocators = find_allocator_sites(*process);
  std::erase_if(known.allocators, [](const AllocatorSites& allocator) {
    return allocator.reach == AllocatorReach::kShadowed ||
           (allocator.sites.empty() && allocator.not_observable.empty());
  });
}

void AllocObserver::look(const std::vector<MemoryTarget>& targets, const Activity& activity,
                         const CpuUse& use, TargetSymbols& symbols) {
  if (settings_.observe.memory) memory_.look(targets, activity);
  if (!settings_.observe.alloc) return;
  std::erase_if(known_, [&](const auto& entry) { return !use.knows(entry.first); });
  std::vector<MemoryTarget> busiest = targets;
  std::ranges::sort(busiest, std::greater{}, [&](const MemoryTarget& target) {
    return std::tuple(use.of(target.pid).lately, target.pid);
  });
  std::vector<BurstTarget> watched;
  probed_.clear();
  for (const MemoryTarget& target : busiest) {
    if (watched.size() == kAllocatorsSearchedALook) break;
    Known& process = known_[target.pid];
    find_allocators(target, symbols, process);
    if (process.allocators.empty()) continue;
    probed_.insert(target.pid);
    watched.push_back({.pid = target.pid,
                       .image = target.image,
                       .comm = comm_of(target.pid),
                       .cpus = use.of(target.pid).lately,
                       .cpus_mean = use.of(target.pid).mean,
                       .part_of_budget = shared_.contains(target.pid) ? 0.5 : 1,
                       .allocators = process.allocators});
  }
  bursts_.watch(std::move(watched));
}

void AllocObserver::add_cost(Report& report) {
  const AllocCost cost = bursts_.take_cost();
  if (cost.hit_ns > 0) report.fidelity.alloc_hit_ns = cost.hit_ns;
  report.fidelity.alloc_overhead_pct = add_overhead(cost.ns, report);
}

void AllocObserver::report(const std::vector<MemoryTarget>& targets, const Activity& activity,
                           TargetSymbols& symbols, Report& report) {
  if (settings_.observe.memory)
    memory_.report(targets, activity, settings_.thresholds, settings_.top_n, symbols, report);
  if (settings_.observe.alloc) {
    add_cost(report);
    std::vector<AllocatorSample> samples = bursts_.samples(report_ns_);
    for (AllocatorSample& sample : samples) {
      const auto process = std::ranges::find(report.processes, sample.pid, &ProcessReport::pid);
      if (process == report.processes.end()) continue;
      sample.on_cpu = process->threads_mean.on_cpu;
      sample.runnable = process->threads_mean.runnable;
    }
    report.allocators = allocator_rows(samples, report.locks, report.interval_s,
                                       report.fidelity.alloc_hit_ns.value_or(0),
                                       settings_.thresholds, settings_.top_n, symbols);
  }
  report_ns_ = monotonic_ns();
  const Losses losses = probes_.losses() + bursts_.lives().losses();
  const Losses lost = losses - std::exchange(losses_, losses);
  report.fidelity.lost.stacks += lost.stacks;
  report.fidelity.lost.map_full += lost.map_full;
  report.fidelity.lost.allocs += lost.events;
  const std::vector<std::string> hooks = probes_.hooks();
  report.fidelity.hooks.insert(report.fidelity.hooks.end(), hooks.begin(), hooks.end());
  if (settings_.observe.alloc)
    report.fidelity.hooks.emplace_back(probes_.uprobes() == UprobeWay::kSingle ? "uprobe"
                                                                               : "uprobe.multi");
  if (const std::string method = bursts_.lives().method(); !method.empty())
    report.fidelity.hooks.push_back(method);
  conclude_memory(report, settings_.observe);
}

}  // namespace cw
