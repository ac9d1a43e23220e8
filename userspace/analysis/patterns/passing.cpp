// How the lock passes from one thread to the next.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "analysis/patterns/families.h"
#include "analysis/runtime_frames.h"
#include "analysis/stacks.h"
#include "output/format.h"
#include "output/symbol.h"

namespace cw::patterns {
namespace {

// The mean wait over what the queue explains, from which on the rest needs another reason.
constexpr double kUnexplained = 2;
constexpr double kBusy = 0.5;  // share of the time with somebody waiting
constexpr double kHerd = 0.3;  // share of the waiting by threads that were just woken
// Of the waiting, and of the wakes: few of the one end much of the other.
constexpr double kMuchWaiting = 0.3;
constexpr double kFewWakes = 0.4;
constexpr double kTimesAsMuch = 2;
constexpr double kAttributed = 0.5;  // share of the waiting that wakes must be charged with

constexpr auto kConditions = std::to_array<std::string_view>(
    {"*pthread_cond_*wait*", "cnd_*wait", "std::*condition_variable*::wait*", "*Condvar*::wait*",
     "*pthread_mutex_cond_lock*"});

// Inside the lock's machinery: what the caller's own code does says nothing.
bool is_woken_from_condition(const Stack& stack) {
  const std::size_t end = std::min(stack.own, stack.frames.size());
  for (std::size_t i = 0; i < end; ++i) {
    const std::string name = short_symbol(stack.frames[i].function);
    if (std::ranges::any_of(kConditions,
                            [&](std::string_view pattern) { return matches(pattern, name); }))
      return true;
  }
  return false;
}

// Then the one that has it may be waiting for a CPU, and that explains any wait.
bool is_short_of_cpu(const LockReport& lock, const Report& report) {
  double on_cpu = 0;
  double runnable = 0;
  for (const ProcessReport& process : report.processes) {
    if (std::ranges::find(lock.pids, process.pid) == lock.pids.end()) continue;
    on_cpu += process.threads_mean.on_cpu;
    runnable += process.threads_mean.runnable;
  }
  return runnable > on_cpu;
}

}  // namespace

// Who arrives finds about as many before it as wait on average, and one that has it: the mean wait
// is at most so many holds.
Found convoy(const LockReport& lock, const Report& report) {
  if (!lock.sections || lock.sections->bounds_only || !lock.sections->hold_mean_ns)
    return std::nullopt;
  if (lock.waits == 0 || lock.busy_share < kBusy || !lock.sections->ceiling_per_s)
    return std::nullopt;
  if (is_short_of_cpu(lock, report)) return std::nullopt;
  if (pause(lock, report)) return std::nullopt;  // rare long holds, which short windows seldom see
  const double hold_ns = lock.sections->hold_mean_ns->high;  // the most it may be
  const double wait_ns = static_cast<double>(lock.wait.sum_ns) / static_cast<double>(lock.waits);
  const double explained_ns = (lock.waiters_mean + 1) * hold_ns;
  if (hold_ns <= 0 || wait_ns < kUnexplained * explained_ns) return std::nullopt;
  return Pattern{
      .name = "convoy",
      .evidence = fmt::format(
          "convoy: a wait takes {}, a hold at most {} on average; the queue explains ({} + 1) x {} "
          "= {} of it, the "
          "rest goes into passing the lock from one sleeping thread to the next: take it less "
          "often, for more at a time",
          format_duration(wait_ns), format_duration(hold_ns), format_mean(lock.waiters_mean),
          format_duration(hold_ns), format_duration(explained_ns))};
}

Found thundering_herd(const LockReport& lock, const Report& /*report*/) {
  // Some runtimes let each waiter sleep on a condition variable of its own: HotSpot does.
  if (lock.per_waiter_words) return std::nullopt;
  double share = 0;
  for (const Waiters& waiters : lock.waiters)
    if (is_woken_from_condition(waiters.stack)) share += waiters.share;
  if (share < kHerd) return std::nullopt;
  return Pattern{
      .name = "thundering_herd",
      .evidence = fmt::format("{} of the waiting is by threads that a condition variable has just "
                              "woken, only to queue here: wake one where one can go on, and "
                              "notify after letting go",
                              format_share(std::min(1.0, share)))};
}

// Says what wakes were charged with, not how long anything was held.
Found pause(const LockReport& lock, const Report& /*report*/) {
  if (lock.releasers.size() < 2 || lock.unattributed_share > 1 - kAttributed) return std::nullopt;
  std::uint64_t wakes = 0;
  for (const Releasers& releasers : lock.releasers) wakes += releasers.wakes;
  const Releasers& first = lock.releasers.front();
  const double part =
      wakes == 0 ? 1 : static_cast<double>(first.wakes) / static_cast<double>(wakes);
  const std::string function = own_function(first.stack);
  if (first.share < kMuchWaiting || part > kFewWakes || first.share < kTimesAsMuch * part)
    return std::nullopt;
  if (function.empty()) return std::nullopt;
  return Pattern{
      .name = "pause",
      .evidence = fmt::format("{} makes {} of the wakes, and {} of the waiting ends with "
                              "them: others pile up while it is at it; do its work in "
                              "pieces, or on a copy",
                              function, format_share(part), format_share(first.share))};
}

}  // namespace cw::patterns
