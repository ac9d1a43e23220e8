#include "app/goroutine_observer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "analysis/processes.h"
#include "app/hit_cost.h"
#include "app/overhead.h"
#include "output/format.h"
#include "process/go_locks.h"

namespace cw {
namespace {

constexpr std::size_t kFew = 64;           // processes
constexpr double kHardlyRunning = 0.002;   // CPUs
constexpr std::size_t kSearchedALook = 8;  // processes
constexpr double kIncumbent = 2;  // who has a place keeps it until others use twice as much

}  // namespace

GoroutineObserver::GoroutineObserver(const LockProbes& locks, GoroutineProbes probes,
                                     double budget_share)
    : locks_(&locks), probes_(std::move(probes)), budget_share_(budget_share) {}

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
  const auto armed = probes_.arm(getpid(),
                                 {.file = std::move(file),
                                  .sites = {{.place = GoPlace::kWakes, .file_offset = own->offset}},
                                  .why_none = {}},
                                 0);
  if (armed) hit_ns_ = std::max(0.0, probed_call_ns() - alone);
}

void GoroutineObserver::forget_ended(const std::vector<MemoryTarget>& targets) {
  std::map<std::int32_t, ImageId> present;
  for (const MemoryTarget& target : targets) present.emplace(target.pid, target.image);
  std::erase_if(searched_, [&](const auto& entry) {
    const auto found = present.find(entry.first);
    if (found != present.end() && found->second == entry.second.image) return false;
    GoProgram* const program = entry.second.program.get();
    if (program == nullptr) return true;
    std::ranges::replace(places_, program, nullptr);
    program->give_back(probes_);
    return true;
  });
}

// Of many that are new, the busiest first; where there are very many, none of those that rest.
// Again when a process has mapped more code.
void GoroutineObserver::search(const std::vector<MemoryTarget>& targets, const CpuUse& use,
                               TargetSymbols& symbols) {
  std::vector<MemoryTarget> fresh;
  for (const MemoryTarget& target : targets) {
    const auto known = searched_.find(target.pid);
    if (known != searched_.end() && known->second.program) continue;
    if (target.image == 0 || (targets.size() > kFew && use.of(target.pid).lately < kHardlyRunning))
      continue;
    fresh.push_back(target);
  }
  std::ranges::sort(fresh, std::greater{}, [&](const MemoryTarget& target) {
    return std::pair(!searched_.contains(target.pid), use.of(target.pid).lately);
  });
  fresh.resize(std::min(fresh.size(), kSearchedALook));
  for (const MemoryTarget& target : fresh) {
    ProcessSymbols* const process = symbols.process(target.image);
    if (process == nullptr) continue;
    Searched& known = searched_[target.pid];
    const std::size_t code = process->memory_map().code_mappings();
    if (known.image == target.image && known.code == code) continue;
    known.image = target.image;
    known.code = code;
    if (auto sites = find_go_sites(*process))
      known.program =
          std::make_unique<GoProgram>(target.pid, target.image, std::move(*sites), budget_share_);
  }
}

void GoroutineObserver::give_places() {
  std::vector<GoProgram*> ranked;
  for (const auto& [pid, known] : searched_)
    if (known.program && known.program->is_observable()) ranked.push_back(known.program.get());
  std::ranges::sort(ranked, std::greater{}, [](const GoProgram* program) {
    return program->cpus() * (program->place() ? kIncumbent : 1);
  });
  ranked.resize(std::min(ranked.size(), places_.size()));
  for (GoProgram*& holder : places_) {
    if (holder == nullptr || std::ranges::find(ranked, holder) != ranked.end()) continue;
    holder->give_back(probes_);
    holder = nullptr;
  }
  for (GoProgram* const program : ranked) {
    if (program->place()) continue;
    auto* const free = std::ranges::find(places_, nullptr);
    *free = program;
    program->take(static_cast<std::size_t>(free - places_.begin()), probes_);
  }
}

void GoroutineObserver::begin(const std::vector<MemoryTarget>& targets, const CpuUse& use,
                              TargetSymbols& symbols) {
  search(targets, use, symbols);
  look_at_programs();
}

void GoroutineObserver::look(const std::vector<MemoryTarget>& targets, const CpuUse& use,
                             TargetSymbols& symbols, const std::set<std::int32_t>& shared_with) {
  forget_ended(targets);
  search(targets, use, symbols);
  for (const auto& [pid, known] : searched_)
    if (known.program)
      known.program->use(use.of(pid).lately, budget_share_ * (shared_with.contains(pid) ? 0.5 : 1));
  look_at_programs();
}

void GoroutineObserver::look_at_programs() {
  give_places();
  const HookCost booked = locks_->cost();
  const double program_ns = booked.runs == 0 ? 0
                                             : static_cast<double>(booked.estimated_ns) /
                                                   static_cast<double>(booked.runs);
  // One window a look at most is waited for; another program's at the next.
  bool waited = false;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    GoProgram* const program = places_[(turn_ + i) % places_.size()];
    if (program == nullptr || (waited && !program->is_armed())) continue;
    waited = program->look(probes_, hit_ns_, program_ns) || waited;
  }
  ++turn_;
}

void GoroutineObserver::complete(Interval& interval) {
  seen_.clear();
  for (const auto& [pid, known] : searched_)
    if (known.program) seen_[known.image] = known.program->take_seen_share(interval);
  extrapolate_goroutines(interval, seen_);
}

// Of the Go programs of the report, those of which nothing was seen, and for what part of the time
// nobody looked at the others.
void GoroutineObserver::tell_of_unseen(const Report& report,
                                       std::vector<std::string>& not_seen) const {
  double least = 1;
  bool any = false;
  for (const ProcessReport& process : report.processes) {
    const auto known = searched_.find(process.pid);
    const GoProgram* const program =
        known == searched_.end() ? nullptr : known->second.program.get();
    if (program == nullptr && !has_runtime(process, "Go")) continue;
    const auto share = program == nullptr ? seen_.end() : seen_.find(program->image());
    if (share != seen_.end() && share->second > 0) {
      any = true;
      least = std::min(least, share->second);
      continue;
    }
    std::string why = program == nullptr ? "" : program->why_not();
    if (why.empty()) why = "not probed in this interval, for the budget's or for others' sake";
    not_seen.push_back(fmt::format("Go's sync.Mutex in {}: {}", process.pid, why));
  }
  if (any) not_seen.emplace_back("uncontended and spun-for acquisitions of Go's sync.Mutex");
  if (any && least < 1)
    not_seen.push_back(
        fmt::format("goroutines for {} of the time: what is said of them is extrapolated",
                    format_share(1 - least)));
}

void GoroutineObserver::report(Report& report) {
  tell_of_unseen(report, report.verdict.not_seen);
  std::uint64_t cost_ns = 0;
  bool any = false;
  for (const auto& [pid, known] : searched_) {
    if (!known.program || !known.program->is_observable()) continue;
    any = true;
    cost_ns += known.program->take_cost_ns();
  }
  if (!any) return;
  double least = 1;
  for (const auto& [image, share] : seen_) least = std::min(least, share);
  report.fidelity.goroutines_seen_share = least;
  report.fidelity.goroutines_overhead_pct = add_overhead(cost_ns, report);
}

}  // namespace cw
