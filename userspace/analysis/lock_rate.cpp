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
constexpr double kAtLeast = 0;
constexpr double kAtMost = 1.7;

// One window, of one lock.
struct Seen {
  ProbeSet set = ProbeSet::kBoth;
  double length_ns = 0;
  double asks = 0;
  double releases = 0;
  double probes_ns = 0;   // that its probes likely took of the time
  double busiest_ns = 0;  // that probes took of one thread
  [[nodiscard]] double calls() const { return set == kAsking ? asks : releases; }
};

// Probes for other locks within a hold, ns for each time it is let go: seen where both are probed.
double within_ns(SectionWindows windows, std::uint64_t address) {
  double ns = 0;
  double releases = 0;
  for (const SectionWindow& window : windows) {
    const LockWindow* const lock = lock_in(window, address);
    if (lock == nullptr || window.set != ProbeSet::kBoth) continue;
    ns += lock->within_ns;
    releases += static_cast<double>(lock->releases);
  }
  return releases > 0 ? ns / releases : 0;
}

// What probes took of the time of a lock in a window: so much of it all its threads lost, where
// somebody waits all the time, and so much each of them by itself, where nobody does.
double probes_ns(const SectionWindow& window, const LockWindow& lock, double within_ns,
                 double busy_share) {
  constexpr double kDearer = 1.5;         // where several threads pass the same probes at once
  constexpr double kHalfAreProbed = 0.5;  // of what is taken within, where one kind of call is
  const bool both = window.set == ProbeSet::kBoth;
  const auto calls = static_cast<double>(window.set == kAsking ? lock.asks : lock.releases);
  const double all_ns = lock.calls_ns + (both ? 1 : kHalfAreProbed) * within_ns * calls;
  const double own_ns =
      (window.threads > 1 ? kDearer : 1) * lock.slowed * static_cast<double>(window.length_ns);
  return lock.is_rwlock ? own_ns : busy_share * all_ns + (1 - busy_share) * own_ns;
}

std::vector<Seen> look_at(SectionWindows windows, std::uint64_t address, double busy_share) {
  const double within = within_ns(windows, address);
  std::vector<Seen> all;
  all.reserve(windows.size());
  for (const SectionWindow& window : windows) {
    if (window.length_ns == 0) continue;
    Seen seen{.set = window.set,
              .length_ns = static_cast<double>(window.length_ns),
              .busiest_ns = window.busiest_ns};
    if (const LockWindow* const lock = lock_in(window, address)) {
      seen.asks = static_cast<double>(lock->asks);
      seen.releases = static_cast<double>(lock->releases);
      seen.probes_ns = probes_ns(window, *lock, within, busy_share);
    }
    all.push_back(seen);
  }
  return all;
}

// Sums over windows, of which one can be taken out again.
struct CallSums {
  double windows = 0;
  double calls = 0;
  double length_ns = 0;
  double probes_ns = 0;

  void add(const Seen& seen, double times) {
    windows += times;
    calls += times * seen.calls();
    length_ns += times * seen.length_ns;
    probes_ns += times * seen.probes_ns;
  }
  // `dearer`: than what probes likely took.
  [[nodiscard]] double per_s(double dearer) const {
    const double left_ns = length_ns - dearer * probes_ns;
    return left_ns > 0 ? calls * 1e9 / left_ns : std::numeric_limits<double>::infinity();
  }
};

struct CountedWindows {
  CallSums asking;  // windows that did not see it let go
  CallSums others;
  double both_asks = 0;
  double both_releases = 0;

  void add(const Seen& seen, double times) {
    (seen.set == kAsking ? asking : others).add(seen, times);
    if (seen.set != ProbeSet::kBoth) return;
    both_asks += times * seen.asks;
    both_releases += times * seen.releases;
  }

  // Of those that tell how often it is let go. Some calls fail, or are for a recursive mutex, and
  // waiting for a condition takes it without one: how many ask for each time it is let go is known
  // from windows that see both.
  [[nodiscard]] CallSums let_go() const {
    constexpr double kEnough = 10;
    if (both_asks < kEnough || both_releases < kEnough) return others;
    return {.windows = others.windows + asking.windows,
            .calls = others.calls + asking.calls * both_releases / both_asks,
            .length_ns = others.length_ns + asking.length_ns,
            .probes_ns = others.probes_ns + asking.probes_ns};
  }
};

// Takes out what one thread lost to probes while nobody got this lock, where that never happens
// otherwise. What the thread does between two of them is as nothing beside them.
void take_out_held_up(std::vector<Seen>& windows) {
  constexpr double kMuch = 0.2;         // of a window
  constexpr double kHardly = 0.5;       // of the calls to be expected
  constexpr double kToBeExpected = 10;  // calls, or there may be none by chance
  constexpr double kFewest = 4;         // windows
  constexpr double kNever = 0.1;        // of them
  const auto is_usual = [](const Seen& seen) { return seen.busiest_ns <= kMuch * seen.length_ns; };
  CountedWindows usual;
  for (const Seen& seen : windows)
    if (is_usual(seen)) usual.add(seen, 1);
  const auto is_missed = [&](const Seen& seen) {
    const CallSums& alike = seen.set == kAsking ? usual.asking : usual.others;
    const double expected =
        alike.length_ns > 0 ? alike.calls / alike.length_ns * seen.length_ns : 0;
    return expected >= kToBeExpected && seen.calls() < kHardly * expected;
  };
  double missed = 0;
  for (const Seen& seen : windows)
    if (is_usual(seen) && is_missed(seen)) ++missed;
  const double count = usual.asking.windows + usual.others.windows;
  if (count < kFewest || missed > kNever * count) return;
  for (Seen& seen : windows)
    if (!is_usual(seen) && is_missed(seen))
      seen.length_ns -= std::min(seen.length_ns, seen.busiest_ns);
}

struct CountedRate {
  Estimate per_s;
  double slowed_share = 0;  // of the time, that probes likely took
};

// How far a rate may be off by chance alone, of so many calls: a Poisson count's 95 % interval.
struct ByChance {
  double low = 0;
  double high = 0;
};
ByChance by_chance(double calls) {
  return {.low = std::pow(std::max(0.0, std::sqrt(calls) - 1), 2) / calls,
          .high = std::pow(std::sqrt(calls + 1) + 1, 2) / calls};
}

std::optional<CountedRate> count_rate(SectionWindows windows, std::uint64_t address,
                                      double busy_share) {
  constexpr double kFewCalls = 100;  // their scatter may be small by luck
  constexpr double kUnknown = 0.02;  // what else differs while a process is probed
  // What single-stepping takes is many times what is reckoned with.
  if (std::ranges::any_of(windows, &SectionWindow::stepped)) return std::nullopt;
  std::vector<Seen> all = look_at(windows, address, busy_share);
  take_out_held_up(all);
  CountedWindows seen_in;
  for (const Seen& seen : all) seen_in.add(seen, 1);
  const CallSums totals = seen_in.let_go();
  if (totals.windows < static_cast<double>(kFewestWindows) || seen_in.others.calls <= 0)
    return std::nullopt;
  std::vector<double> without;
  without.reserve(all.size());
  for (const Seen& seen : all) {
    CountedWindows others = seen_in;
    others.add(seen, -1);
    without.push_back(others.let_go().per_s(1));
  }
  const double rate = totals.per_s(1);
  const double half = std::hypot(half_interval(without), kUnknown * rate);
  if (!std::isfinite(half)) return std::nullopt;
  Estimate per_s{.estimate = rate,
                 .low = rate - std::hypot(half, rate - totals.per_s(kAtLeast)),
                 .high = rate + std::hypot(half, totals.per_s(kAtMost) - rate)};
  if (totals.calls < kFewCalls) {
    const ByChance chance = by_chance(totals.calls);
    per_s.low = std::min(per_s.low, rate * chance.low);
    per_s.high = std::max(per_s.high, rate * chance.high);
  }
  per_s.low = std::max(0.0, per_s.low);
  return CountedRate{.per_s = per_s, .slowed_share = totals.probes_ns / totals.length_ns};
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
    count.threads = window.threads;
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
    if (window.set == kAsking) continue;
    calls += static_cast<double>(window.frees);
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
  constexpr double kLittle = 0.3;
  constexpr double kOneOrTheOther = 0.5;
  const auto counted = count_rate(windows, address, use.busy_share.value_or(kOneOrTheOther));
  if (counted && counted->slowed_share < kLittle) return counted->per_s;
  const Counts counts = counts_of(windows, address);
  const auto rate = extrapolated(counts, known);
  if (rate && is_beyond_telling(counts, *rate, use.threads)) return std::nullopt;
  return rate;
}

}  // namespace cw
