#include "app/alloc_observer.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "analysis/alloc_rows.h"
#include "analysis/memory_verdict.h"
#include "model/clock.h"
#include "process/allocators.h"
#include "process/proc.h"

namespace cw {
namespace {

constexpr std::size_t kSearchedALook = 8;  // processes whose allocators are looked for at once

}  // namespace

AllocObserver::AllocObserver(const Settings& settings, AllocProbes probes)
    : settings_(settings),
      probes_(std::move(probes)),
      memory_(probes_),
      bursts_(probes_, settings.budget_pct / 100 * settings.part_of_budget(), settings.alloc_mode) {
}

Result<std::unique_ptr<AllocObserver>> AllocObserver::start(const Settings& settings,
                                                            const LockProbes& locks,
                                                            Watched newcomers) {
  if (!settings.observe.alloc && !settings.observe.memory) return nullptr;
  const HookSet hooks = settings.observe.locks ? locks.hook_set() : settings.hooks;
  auto probes = AllocProbes::load(locks, newcomers, hooks);
  if (!probes) return std::unexpected(probes.error());
  return std::unique_ptr<AllocObserver>(new AllocObserver(settings, std::move(*probes)));
}

void AllocObserver::begin(const std::vector<MemoryTarget>& targets, TargetSymbols& symbols) {
  if (settings_.observe.memory) {
    probes_.attach_memory();
    memory_.begin(targets);
  }
  if (settings_.observe.alloc) bursts_.start();
  look_ns_ = report_ns_ = monotonic_ns();
  for (const MemoryTarget& target : targets) {
    known_[target.pid].cpu_ns = cpu_ns_of(target.pid).value_or(0);
    if (settings_.observe.alloc && known_.size() <= kSearchedALook)
      find_allocators(target, symbols, known_[target.pid]);
  }
}

// Again when the process runs another program or has mapped more.
void AllocObserver::find_allocators(const MemoryTarget& target, TargetSymbols& symbols,
                                    Known& known) {
  ProcessSymbols* process = symbols.process(target.image);
  if (process == nullptr) return;
  std::size_t code = 0;
  for (const Mapping& mapping : process->memory_map().mappings())
    if (mapping.executable && mapping.of_file() && !mapping.past) ++code;
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

void AllocObserver::look(const std::vector<MemoryTarget>& targets, TargetSymbols& symbols) {
  if (settings_.observe.memory) memory_.look(targets);
  if (!settings_.observe.alloc) return;
  const std::uint64_t now = monotonic_ns();
  const double elapsed = std::max(1.0, static_cast<double>(now - look_ns_));
  look_ns_ = now;
  std::map<std::int32_t, Known> known;
  for (const MemoryTarget& target : targets) {
    Known& process = known[target.pid];
    if (const auto before = known_.find(target.pid); before != known_.end())
      process = std::move(before->second);
    const std::uint64_t cpu_ns = cpu_ns_of(target.pid).value_or(process.cpu_ns);
    process.cpus = static_cast<double>(cpu_ns - std::min(cpu_ns, process.cpu_ns)) / elapsed;
    process.cpu_ns = cpu_ns;
  }
  known_ = std::move(known);

  std::vector<MemoryTarget> busiest = targets;
  std::ranges::sort(busiest, std::greater{}, [&](const MemoryTarget& target) {
    return std::tuple(known_[target.pid].cpus, target.pid);
  });
  std::vector<BurstTarget> watched;
  for (const MemoryTarget& target : busiest) {
    if (watched.size() == kSearchedALook) break;
    Known& process = known_[target.pid];
    find_allocators(target, symbols, process);
    if (process.allocators.empty()) continue;
    watched.push_back({.pid = target.pid,
                       .image = target.image,
                       .comm = comm_of(target.pid),
                       .cpus = process.cpus,
                       .allocators = process.allocators});
  }
  bursts_.watch(std::move(watched));
}

void AllocObserver::add_cost(Report& report) {
  const AllocCost cost = bursts_.take_cost();
  double cpu_s = 0;
  for (const ProcessReport& process : report.processes) cpu_s += process.cpu_s;
  Fidelity& fidelity = report.fidelity;
  if (cost.hit_ns > 0) fidelity.alloc_hit_ns = cost.hit_ns;
  if (cpu_s > 0) {
    fidelity.alloc_overhead_pct = static_cast<double>(cost.ns) / 1e7 / cpu_s;
    fidelity.target_overhead_pct =
        fidelity.target_overhead_pct.value_or(0) + *fidelity.alloc_overhead_pct;
  }
}

void AllocObserver::report(const std::vector<MemoryTarget>& targets, TargetSymbols& symbols,
                           Report& report) {
  if (settings_.observe.memory)
    memory_.report(targets, settings_.thresholds, settings_.top_n, symbols, report);
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
  const Losses losses = probes_.losses();
  report.fidelity.lost.stacks += losses.stacks - losses_.stacks;
  report.fidelity.lost.map_full += losses.map_full - losses_.map_full;
  report.fidelity.lost.allocs += losses.events - losses_.events;
  losses_ = losses;
  const std::vector<std::string> hooks = probes_.hooks();
  report.fidelity.hooks.insert(report.fidelity.hooks.end(), hooks.begin(), hooks.end());
  conclude_memory(report, settings_.observe);
}

}  // namespace cw
