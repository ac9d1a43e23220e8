#include "analysis/lock_rate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "analysis/jackknife.h"

namespace cw {
namespace {

using SectionWindows = std::span<const SectionWindow>;

// What probes take of a lock's time, beside what is likely: nothing, where its threads make up for
// it while they rest, or so many times as much, where they meet the probes cold.
constexpr double kLeast = 0;
constexpr double kMost = 1.7;

// One window, of one lock.
struct Seen {
  ProbeSet set = ProbeSet::kBoth;
  double length_ns = 0;
  double asks = 0;
  double releases = 0;
  double probes_ns = 0;   // that its probes likely took of the time
  double held_up_ns = 0;  // that probes for other locks took of one thread, where that is much
};

double calls_of(const LockWindow* lock, std::uint32_t tid) {
  if (lock == nullptr) return 0;
  const auto found = lock->calls_of.find(tid);
  return found == lock->calls_of.end() ? 0 : static_cast<double>(found->second);
}

// `part`: of what its threads lose, that the lock loses.
Seen look_at(const SectionWindow& window, const LockWindow* lock, double part) {
  constexpr double kMuch = 0.2;  // of the window
  Seen seen{.set = window.set, .length_ns = static_cast<double>(window.length_ns)};
  for (const auto& [tid, thread] : window.hits_of) {
    const double calls = calls_of(lock, tid);
    const double others_ns = thread.probes_ns * (1 - calls / static_cast<double>(thread.hits));
    if (others_ns > kMuch * seen.length_ns)
      seen.held_up_ns = std::max(seen.held_up_ns, others_ns);
    else if (calls > 0)
      seen.probes_ns += part * thread.probes_ns;
  }
  if (lock == nullptr) return seen;
  seen.asks = static_cast<double>(lock->asks);
  seen.releases = static_cast<double>(lock->releases);
  return seen;
}

// Sums over windows, of which one can be taken out again.
struct Sums {
  double windows = 0;
  double asks = 0;      // of windows that did not see it let go
  double releases = 0;  // of the others
  double both_asks = 0;
  double both_releases = 0;
  double length_ns = 0;
  double probes_ns = 0;

  void add(const Seen& seen, double times) {
    windows += times;
    if (seen.set == kAsking)
      asks += times * seen.asks;
    else
      releases += times * seen.releases;
    if (seen.set == ProbeSet::kBoth) {
      both_asks += times * seen.asks;
      both_releases += times * seen.releases;
    }
    length_ns += times * seen.length_ns;
    probes_ns += times * seen.probes_ns;
  }

  // Some calls fail, or are for a recursive mutex: how many there are for each time it is let go is
  // known from windows that see both.
  [[nodiscard]] double calls() const {
    return releases + (both_asks > 0 ? asks * both_releases / both_asks : 0);
  }
  [[nodiscard]] double per_s(double dearer) const {
    const double left_ns = length_ns - dearer * probes_ns;
    return left_ns > 0 ? calls() * 1e9 / left_ns : std::numeric_limits<double>::infinity();
  }
};

// Takes out what a thread lost to other probes while nobody got this lock. What it does between
// two of these is as nothing beside them.
void take_out_held_up(std::vector<Seen>& windows) {
  constexpr double kHardly = 0.5;  // of the usual rate
  Sums usual;
  for (const Seen& seen : windows)
    if (seen.held_up_ns == 0 && seen.set != kAsking) usual.add(seen, 1);
  if (usual.length_ns <= 0) return;
  for (Seen& seen : windows) {
    if (seen.held_up_ns == 0) continue;
    const double expected = usual.releases / usual.length_ns * seen.length_ns;
    const double calls = seen.set == kAsking ? seen.asks : seen.releases;
    if (calls >= kHardly * expected) continue;
    seen.length_ns -= std::min(seen.length_ns, kMost * seen.held_up_ns);
  }
}

struct CountedRate {
  Estimate per_s;
  double slowed_share = 0;  // of the time, that probes likely took
};

std::optional<CountedRate> count_rate(SectionWindows windows, std::uint64_t address,
                                      const LockUse& use) {
  constexpr double kDearer = 1.5;    // in several threads at once, of which none waits
  constexpr double kFewest = 4;      // windows
  constexpr double kFewCalls = 100;  // their scatter may be small by luck
  constexpr double kUnknown = 0.02;  // what else differs while a process is probed
  const double alone = 1 / static_cast<double>(std::max<std::size_t>(1, use.threads));
  const double part = use.busy_share + (1 - use.busy_share) * kDearer * alone;
  std::vector<Seen> all;
  all.reserve(windows.size());
  for (const SectionWindow& window : windows)
    all.push_back(look_at(window, lock_in(window, address), part));
  take_out_held_up(all);
  Sums totals;
  for (const Seen& seen : all)
    if (seen.length_ns > 0) totals.add(seen, 1);
  if (totals.windows < kFewest || totals.releases <= 0) return std::nullopt;
  std::vector<double> without;
  for (const Seen& seen : all) {
    if (seen.length_ns <= 0) continue;
    Sums others = totals;
    others.add(seen, -1);
    if (others.releases > 0) without.push_back(others.per_s(1));
  }
  const double rate = totals.per_s(1);
  double half = half_interval(without);
  if (totals.calls() < kFewCalls) half = std::max(half, 2 * rate / std::sqrt(totals.calls()));
  half = std::hypot(half, kUnknown * rate);
  const auto reach = [&](double dearer) { return std::hypot(half, totals.per_s(dearer) - rate); };
  return CountedRate{.per_s = {.estimate = rate,
                               .low = std::max(0.0, rate - reach(kLeast)),
                               .high = rate + reach(kMost)},
                     .slowed_share = totals.probes_ns / totals.length_ns};
}

// As windows of an allocator: what is let go in the place of what is freed.
using Counts = std::vector<AllocWindow>;

Counts counts_of(SectionWindows windows, std::uint64_t address) {
  Counts counts;
  counts.reserve(windows.size());
  for (const SectionWindow& window : windows) {
    AllocWindow count;
    count.open_ns = window.open_ns;
    count.length_ns = window.length_ns;
    count.set = window.set;
    count.hits = window.hits;
    count.threads = window.hits_of.size();
    if (const LockWindow* lock = lock_in(window, address)) {
      if (window.set != kLettingGo) count.allocs = lock->asks;
      if (window.set != kAsking) count.frees = lock->releases;
    }
    counts.push_back(std::move(count));
  }
  return counts;
}

// Where the sets have not had their turns yet, those windows that saw everything have to do: what
// the probes took then widens the interval.
std::optional<Estimate> extrapolated(Counts counts, const AllocContext& known) {
  auto rates = estimate_rates(counts, known);
  if (!rates) {
    std::erase_if(counts, [](const AllocWindow& count) { return count.set != ProbeSet::kBoth; });
    rates = estimate_rates(counts, known);
  }
  return rates ? std::optional(rates->frees_per_s) : std::nullopt;
}

double counted_per_s(const Counts& counts) {
  double calls = 0;
  double ns = 0;
  for (const AllocWindow& window : counts) {
    calls += static_cast<double>(std::max(window.allocs, window.frees));
    ns += static_cast<double>(window.length_ns);
  }
  return ns > 0 ? calls * 1e9 / ns : 0;
}

// Threads that do hardly anything but take the lock get in each other's way less while probes slow
// them down: what the probes took is then not all that is different without.
bool is_beyond_telling(const Counts& counts, const Estimate& rate, std::size_t threads) {
  constexpr double kMostSlowed = 2;
  return threads >= 2 && rate.estimate > kMostSlowed * counted_per_s(counts);
}

}  // namespace

std::optional<Estimate> lock_rate(std::span<const SectionWindow> windows, std::uint64_t address,
                                  const LockUse& use, const AllocContext& known) {
  constexpr double kSlowedLittle = 0.3;
  const auto counted = count_rate(windows, address, use);
  if (counted && counted->slowed_share < kSlowedLittle) return counted->per_s;
  const Counts counts = counts_of(windows, address);
  const auto rate = extrapolated(counts, known);
  if (rate && is_beyond_telling(counts, *rate, use.threads)) return std::nullopt;
  return rate;
}

}  // namespace cw
