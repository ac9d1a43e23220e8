#include "analysis/analyse.h"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include "analysis/arithmetic.h"
#include "analysis/background.h"
#include "analysis/classes.h"
#include "analysis/deadlocks.h"
#include "analysis/locks.h"
#include "analysis/naming.h"
#include "analysis/objects.h"
#include "analysis/processes.h"
#include "analysis/site_kinds.h"
#include "analysis/stacks.h"
#include "analysis/verdict.h"

namespace cw {
namespace {

// Objects looked at one by one. A process may have a hundred thousand locks of which hardly any
// counts; those with the least waiting are only summed up.
constexpr std::size_t kLookedAt = 2000;

// How many threads each process had, at most, at the interval's two ends.
class ThreadCounts {
 public:
  ThreadCounts(const std::vector<ProcessSample>& before, const std::vector<ProcessSample>& after) {
    for (const auto* samples : {&before, &after})
      for (const ProcessSample& sample : *samples)
        threads_[sample.pid] = std::max(threads_[sample.pid], sample.threads);
  }

  // Of all processes that share the lock; 0: not known, as how many goroutines there are.
  [[nodiscard]] std::uint64_t of(const Lock& lock) const {
    if (lock.report.goroutines) return 0;
    std::uint64_t sum = 0;
    for (const std::int32_t pid : lock.report.pids)
      if (const auto found = threads_.find(pid); found != threads_.end()) sum += found->second;
    return sum;
  }

 private:
  std::map<std::int32_t, std::uint64_t> threads_;
};

bool is_part_of(const LockObject& object, const WaitForCycle& cycle) {
  return std::ranges::any_of(cycle,
                             [&](const WaitForLink& link) { return link.object == &object; });
}

std::vector<Lock> measure_all(const std::vector<LockObject>& objects, const Interval& interval,
                              const SiteKinds& sites, const std::vector<WaitForCycle>& deadlocks,
                              const Thresholds& thresholds, const ThreadCounts& counts) {
  std::vector<Lock> locks;
  locks.reserve(objects.size());
  for (const LockObject& object : objects) {
    Lock lock = measure(object, interval, &sites);
    // A thread that waited on two words of one object is one thread.
    const std::uint64_t threads = counts.of(lock);
    if (lock.words > 1 && threads != 0)
      lock.report.threads = std::min(lock.report.threads, threads);
    // Calls that never slept are no waits, and nothing tells what they were for.
    if (lock.report.waits == 0 && lock.report.in_progress == 0 && lock.report.waiters_mean == 0)
      continue;
    lock.deadlocked = std::ranges::any_of(
        deadlocks, [&](const WaitForCycle& cycle) { return is_part_of(object, cycle); });
    judge(lock, thresholds);
    locks.push_back(std::move(lock));
  }
  return locks;
}

void remember(const std::vector<Lock>& locks, Memory& memory) {
  memory.polled.clear();
  for (const Lock& lock : locks) {
    remember_first_sight(lock, memory);
    if (lock.polls)
      memory.polled.insert(memory.polled.end(), lock.word_keys.begin(), lock.word_keys.end());
  }
}

// Moves the idle kinds out of `locks`.
std::vector<Lock> take_idle(std::vector<Lock>& locks) {
  std::vector<Lock> idle;
  std::vector<Lock> rest;
  for (Lock& lock : locks) (is_idle(lock.report.kind) ? idle : rest).push_back(std::move(lock));
  locks = std::move(rest);
  return idle;
}

// Worst first; among equals, the one that keeps most threads waiting. Sorts keys, not locks: those
// are heavy to move, and there may be a hundred thousand.
void sort_by_guilt(std::vector<Lock>& locks) {
  using Guilt = std::tuple<bool, Level, bool, double, WordKey, std::size_t>;
  std::vector<Guilt> order;
  order.reserve(locks.size());
  for (std::size_t i = 0; i < locks.size(); ++i)
    order.emplace_back(locks[i].deadlocked, locks[i].report.level, counts_as_lock(locks[i]),
                       locks[i].net_waiters(), locks[i].key, i);
  std::ranges::sort(order, std::ranges::greater{});
  std::vector<Lock> sorted;
  sorted.reserve(locks.size());
  for (const Guilt& guilt : order) sorted.push_back(std::move(locks[std::get<std::size_t>(guilt)]));
  locks = std::move(sorted);
}

void name_first(std::vector<Lock>& locks, const AnalysisOptions& options, double interval_s,
                const ThreadCounts& counts, Memory& memory, Symbolizer& symbolizer,
                StackNames& stacks) {
  for (std::size_t i = 0; i < locks.size(); ++i) {
    Lock& lock = locks[i];
    const std::uint64_t threads = counts.of(lock);
    if (i < options.top_n)
      name_lock(lock, options.top_n, memory, symbolizer, stacks);
    else
      name_by_address(lock);
    lock.report.arithmetic = lock_arithmetic(lock, interval_s, threads);
    lock.report.advice = advice(lock, threads);
  }
}

// Locks by what they were grouped under: names that are known are not asked for again.
std::vector<Deadlock> deadlock_reports(const std::vector<WaitForCycle>& cycles,
                                       const std::vector<Lock>& locks, const Interval& interval,
                                       Symbolizer& symbolizer, StackNames& stacks) {
  std::vector<Deadlock> deadlocks;
  for (const WaitForCycle& cycle : cycles) {
    Deadlock& deadlock = deadlocks.emplace_back();
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      const WaitForLink& link = cycle[i];
      const auto lock = std::ranges::find_if(locks, [&](const Lock& candidate) {
        return candidate.deadlocked && candidate.key == link.object->key;
      });
      const auto image = interval.images.find(link.wait->image);
      deadlock.cycle.push_back(
          {.pid = image == interval.images.end() ? 0 : image->second.pid,
           .tid = link.wait->tid,
           .comm = symbolizer.thread_comm(link.wait->image, link.wait->tid),
           .kind = link.object->what.kind,
           .name = lock == locks.end() ? "" : lock->report.name,
           .has_symbol = lock != locks.end() && lock->report.has_symbol,
           .waits_for = link.lock,
           .held_by = cycle[(i + 1) % cycle.size()].wait->tid,
           .waiting_ns = interval.end_ns - std::min(interval.end_ns, link.wait->start_ns),
           .at_least = link.wait->at_least,
           .stack = stacks.of(link.wait->image, link.wait->stack)});
    }
  }
  return deadlocks;
}

IdleWaits idle_waits(const std::vector<Lock>& locks, const Background& background) {
  const NotListed others = background.idle_waits();
  IdleWaits idle{.count = others.waits,
                 .sum_ns = others.sum_ns,
                 .threads_mean = others.waiters_mean,
                 .objects = {}};
  std::map<LockKind, std::uint64_t> objects;
  for (const auto& [kind, part] : background.by_kind)
    if (is_idle(kind)) objects[kind] = part.count;
  for (const Lock& lock : locks) {
    idle.count += lock.report.waits;
    idle.sum_ns += lock.report.wait.sum_ns;
    idle.threads_mean += lock.net_waiters();
    if (lock.report.waits != 0 || lock.report.waiters_mean > 0) ++objects[lock.report.kind];
  }
  idle.objects.assign(objects.begin(), objects.end());
  return idle;
}

std::vector<LockReport> reports_of(std::vector<Lock>& locks) {
  std::vector<LockReport> reports;
  reports.reserve(locks.size());
  for (Lock& lock : locks) reports.push_back(std::move(lock.report));
  return reports;
}

Fidelity fidelity_of(const Interval& interval, const StackNames& stacks) {
  Fidelity fidelity;
  fidelity.lost.waits = interval.losses.waits;
  fidelity.lost.stacks = interval.losses.stacks;
  fidelity.lost.events = interval.losses.events;
  fidelity.lost.map_full = interval.losses.map_full;
  if (stacks.asked() != 0)
    fidelity.stacks_complete_share =
        static_cast<double>(stacks.complete()) / static_cast<double>(stacks.asked());
  return fidelity;
}

}  // namespace

Report analyse(const Interval& interval, const std::vector<ProcessSample>& before,
               const std::vector<ProcessSample>& after, const AnalysisOptions& options,
               Memory& memory, Symbolizer& symbolizer) {
  Report report;
  report.interval_s = interval.length_s();
  const ThreadCounts counts(before, after);
  memory.trim(interval);
  StackNames stacks(symbolizer);
  SiteKinds sites(memory, stacks);
  std::vector<LockObject> objects = group_words(interval, &sites, kLookedAt);
  Background background = set_apart(objects, kLookedAt, interval);
  const std::vector<WaitForCycle> cycles = find_deadlocks(objects, interval, symbolizer);
  std::vector<Lock> locks =
      measure_all(objects, interval, sites, cycles, options.thresholds, counts);
  remember(locks, memory);
  report.processes = process_reports(interval, before, after, locks, background);

  std::vector<Lock> idle = take_idle(locks);
  merge_into_classes(locks, background, interval, options.thresholds);
  sort_by_guilt(locks);

  name_first(locks, options, report.interval_s, counts, memory, symbolizer, stacks);
  report.deadlocks = deadlock_reports(cycles, locks, interval, symbolizer, stacks);
  report.idle_waits = idle_waits(idle, background);
  const std::uint64_t worst_threads = locks.empty() ? 0 : counts.of(locks.front());
  report.verdict = conclude(locks, background, worst_threads, report.idle_waits, report.deadlocks,
                            report.processes);
  if (options.with_waits) {
    sort_by_guilt(idle);
    name_first(idle, options, report.interval_s, counts, memory, symbolizer, stacks);
    report.waits = reports_of(idle);
  }
  report.locks = reports_of(locks);
  report.locks_not_listed = background.locks();
  report.locks_not_listed += background.unsure;
  report.waits_not_listed = background.idle_waits();
  report.fidelity = fidelity_of(interval, stacks);
  return report;
}

}  // namespace cw
