// How much is under how many locks.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "analysis/patterns/families.h"
#include "analysis/stacks.h"
#include "output/format.h"

namespace cw::patterns {
namespace {

constexpr double kMostOfWaiting = 0.8;  // of all for locks
constexpr std::size_t kSeveral = 2;     // functions that wait, each for
constexpr double kItsShare = 0.05;      // of the waiting at least
constexpr std::uint64_t kThreads = 3;
constexpr std::size_t kNamed = 3;

double waiting_for_all(const Report& report) {
  double waiting = report.locks_not_listed.waiters_mean;
  for (const LockReport& lock : report.locks)
    if (lock.kind != LockKind::kUnknown) waiting += lock.waiters_mean;
  return waiting;
}

// Those that matter, by how much.
std::vector<std::string> waiting_functions(const LockReport& lock) {
  std::map<std::string, double> shares;
  for (const Waiters& waiters : lock.waiters)
    if (std::string function = own_function(waiters.stack); !function.empty())
      shares[std::move(function)] += waiters.share;
  std::vector<std::pair<double, std::string>> sorted;
  for (auto& [function, share] : shares)
    if (share >= kItsShare) sorted.emplace_back(share, function);
  std::ranges::sort(sorted, std::ranges::greater{});
  std::vector<std::string> functions;
  functions.reserve(sorted.size());
  for (auto& [share, function] : sorted) functions.push_back(std::move(function));
  return functions;
}

}  // namespace

Found many_small_locks(const LockReport& lock, const Report& /*report*/) {
  if (lock.objects <= 1) return std::nullopt;
  return Pattern{
      .name = "many_small_locks",
      .evidence = fmt::format("{} locks are taken in one place; none keeps many waiting, all "
                              "together {} {}s: take one lock around the loop, or give each {} a "
                              "part of its own",
                              format_count(lock.objects), format_mean(lock.waiters_mean),
                              waiter_of(lock), waiter_of(lock))};
}

Found one_lock_under_everything(const LockReport& lock, const Report& report) {
  if (lock.cause == "stuck" || lock.objects > 1 || lock.per_waiter_words) return std::nullopt;
  const double all = waiting_for_all(report);
  const std::vector<std::string> functions = waiting_functions(lock);
  if (all <= 0 || lock.waiters_mean < kMostOfWaiting * all) return std::nullopt;
  if (functions.size() < kSeveral || lock.threads < kThreads) return std::nullopt;
  std::string named;
  for (std::size_t i = 0; i < std::min(functions.size(), kNamed); ++i)
    named += fmt::format("{}{}", i == 0 ? "" : ", ", functions[i]);
  return Pattern{
      .name = "one_lock_under_everything",
      .evidence = fmt::format("{} of all waiting for locks is for this one, by {} in {} functions "
                              "({}{}): split what it guards",
                              format_share(std::min(1.0, lock.waiters_mean / all)),
                              format_plural(lock.threads, waiter_of(lock)), functions.size(), named,
                              functions.size() > kNamed ? "..." : "")};
}

// How the lock is made, by a condition variable, says nothing of the program that has to have it.
Found interpreter_lock(const LockReport& lock, const Report& /*report*/) {
  if (lock.kind != LockKind::kGil) return std::nullopt;
  return Pattern{
      .name = "interpreter_lock",
      .evidence = fmt::format("the interpreter runs one thread at a time, and {} wait for a turn: "
                              "more threads add nothing; use processes, or code that lets go of {} "
                              "while it works",
                              format_mean(lock.waiters_mean), lock.name)};
}

}  // namespace cw::patterns
