#include "analysis/uncontended.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "analysis/holders.h"
#include "analysis/lock_rate.h"
#include "output/format.h"

namespace cw {
namespace {

constexpr std::uint64_t kTogether = 0;  // the address they are kept under

bool is_waited_for(const SectionContext& context, std::uint64_t address, bool is_rwlock) {
  const auto found = context.waited.lower_bound(address);
  return found != context.waited.end() && lies_in_lock(*found, address, is_rwlock);
}

// So many calls, without what their threads lost to probes.
double undelayed(const LockWindow& lock) {
  return static_cast<double>(lock.asks + lock.releases) / (1 - lock.slowed);
}

// A window as if all its locks that nobody waits for were one.
SectionWindow together(const SectionWindow& window, const SectionContext& context) {
  SectionWindow rest;
  rest.open_ns = window.open_ns;
  rest.length_ns = window.length_ns;
  rest.set = window.set;
  rest.hits = window.hits;
  rest.threads = window.threads;
  rest.stepped = window.stepped;
  rest.busiest_ns = window.busiest_ns;
  LockWindow sum = window.all;
  double undelayed_calls = undelayed(sum);
  for (const auto& [address, lock] : window.locks) {
    if (!is_waited_for(context, address, lock.is_rwlock)) continue;
    sum.asks -= lock.asks;
    sum.releases -= lock.releases;
    sum.calls_ns -= lock.calls_ns;
    undelayed_calls -= undelayed(lock);
  }
  const auto calls = static_cast<double>(sum.asks + sum.releases);
  if (calls == 0) return rest;
  sum.slowed = undelayed_calls > calls ? 1 - calls / undelayed_calls : 0;
  rest.locks.emplace(kTogether, std::move(sum));
  return rest;
}

// Some of what was seen fell into windows that probes took much of, while others are calm.
bool comes_in_gusts(std::span<const SectionWindow> windows) {
  constexpr double kDrawnOut = 0.1;  // share of its threads' time that went to probes
  constexpr double kSeen = 0.05;     // of the calls
  constexpr double kSome = 0.2;      // of the time
  double calls = 0;
  double drawn_out = 0;
  double ns = 0;
  double calm_ns = 0;
  for (const SectionWindow& window : windows) {
    const LockWindow* const lock = lock_in(window, kTogether);
    const double slowed = lock == nullptr ? 0 : lock->slowed;
    const auto seen = lock == nullptr ? 0.0 : static_cast<double>(lock->asks + lock->releases);
    const auto length_ns = static_cast<double>(window.length_ns);
    calls += seen;
    ns += length_ns;
    if (slowed >= kDrawnOut)
      drawn_out += seen;
    else
      calm_ns += length_ns;
  }
  return drawn_out > kSeen * calls && calm_ns > kSome * ns;
}

// Where a lock that was met too rarely to say so may be held for longer, nothing is said.
std::optional<double> busiest_of(const std::vector<LockSections>& estimated,
                                 const SectionContext& context) {
  constexpr double kSurePart = 0.5;  // of its rate, at least
  double busiest = 0;
  double unsure = 0;
  for (const LockSections& lock : estimated) {
    if (is_waited_for(context, lock.address, lock.is_rwlock)) continue;
    const Estimate& rate = lock.acquisitions_per_s;
    double& most = rate.low >= kSurePart * rate.estimate ? busiest : unsure;
    most = std::max(most, held_threads(lock));
  }
  return busiest > 0 && busiest >= unsure ? std::optional(busiest) : std::nullopt;
}

// Where the windows differ so much that it may be half of it, no more is said than is sure.
std::string rate_text(const UncontendedLocks& sum) {
  constexpr double kSurePart = 0.5;
  const Estimate& rate = sum.acquisitions_per_s;
  if (sum.at_least) return fmt::format("taken at least {} times/s", format_rate(rate.estimate));
  if (rate.low >= kSurePart * rate.estimate)
    return fmt::format("taken {} times/s", format_rate(rate.estimate));
  if (rate.low >= 1) return fmt::format("taken at least {} times/s", format_rate(rate.low));
  return "taken too irregularly to say how often";
}

}  // namespace

std::optional<UncontendedLocks> uncontended_locks(std::span<const SectionWindow> windows,
                                                  const std::vector<LockSections>& estimated,
                                                  const SectionContext& context) {
  UncontendedLocks found;
  std::set<std::uint64_t> met;
  std::vector<SectionWindow> rest;
  rest.reserve(windows.size());
  for (const SectionWindow& window : windows) {
    for (const auto& [address, lock] : window.locks)
      if (!is_waited_for(context, address, lock.is_rwlock)) met.insert(address);
    found.more = found.more || window.left_out;
    rest.push_back(together(window, context));
  }
  if (met.empty()) return std::nullopt;
  found.met = met.size();
  const auto rate = lock_rate(rest, kTogether, {.threads = 1, .busy_share = 0}, known_of(context));
  if (!rate) return std::nullopt;
  found.acquisitions_per_s = *rate;
  found.at_least = comes_in_gusts(rest);
  found.busiest_share = busiest_of(estimated, context);
  found.without_row = context.waits_for_classes;
  return found;
}

void clear_uncontended(const std::vector<UncontendedLocks>& by_process, Report& report) {
  if (by_process.empty()) return;
  UncontendedLocks sum;
  for (const UncontendedLocks& locks : by_process) {
    sum.met += locks.met;
    sum.more = sum.more || locks.more;
    sum.at_least = sum.at_least || locks.at_least;
    sum.without_row = sum.without_row || locks.without_row;
    sum.acquisitions_per_s.estimate += locks.acquisitions_per_s.estimate;
    sum.acquisitions_per_s.low += locks.acquisitions_per_s.low;
    if (locks.busiest_share)
      sum.busiest_share = std::max(sum.busiest_share.value_or(0), *locks.busiest_share);
  }
  std::string text = fmt::format(
      "{}{} {}: {}", sum.more ? "more than " : "", format_plural(sum.met, "lock"),
      sum.without_row ? "without a row of their own" : "that nobody waited for", rate_text(sum));
  if (const double busiest = sum.busiest_share.value_or(0); busiest > 0)
    text += fmt::format(", {} {} of the time", sum.met == 1 ? "held" : "the busiest held",
                        format_share(busiest));
  report.verdict.cleared.push_back(std::move(text));
}

}  // namespace cw
