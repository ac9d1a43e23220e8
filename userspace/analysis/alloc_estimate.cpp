#include "analysis/alloc_estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace cw {
namespace {

// When probes take less than this share of one thread's time, even if all of them fall on one: the
// rates of all windows together are right within this, which the interval then includes.
constexpr double kSlowedLittle = 0.3;
constexpr double kPossibleUnseen = 3;  // events that a count of none leaves possible, 95 %

using Count = std::uint64_t AllocWindow::*;
using Windows = std::vector<const AllocWindow*>;

double value(const AllocWindow& window, Count count) {
  return static_cast<double>(window.*count);
}

double sum(const Windows& windows, Count count) {
  double total = 0;
  for (const AllocWindow* window : windows) total += value(*window, count);
  return total;
}

// A figure with its variance and the degrees of freedom that estimated it.
struct Figure {
  double mean = 0;
  double variance = 0;
  double freedom = 1;
};

// The sum of independent figures (Welch and Satterthwaite).
Figure operator+(const Figure& a, const Figure& b) {
  const double variance = a.variance + b.variance;
  const double spread = a.variance * a.variance / a.freedom + b.variance * b.variance / b.freedom;
  return {.mean = a.mean + b.mean,
          .variance = variance,
          .freedom = spread > 0 ? variance * variance / spread : a.freedom + b.freedom};
}

Figure operator*(double factor, const Figure& figure) {
  return {.mean = factor * figure.mean,
          .variance = factor * factor * figure.variance,
          .freedom = figure.freedom};
}

// Mean of `residual(window)` taken as zero, scaled by 1 / `whole`: the variance of a ratio of sums.
template <typename Residual>
Figure ratio(const Windows& windows, double mean, double whole, Residual residual) {
  double squares = 0;
  for (const AllocWindow* window : windows) squares += std::pow(residual(*window) / whole, 2);
  const auto count = static_cast<double>(windows.size());
  return {.mean = mean, .variance = squares * count / (count - 1), .freedom = count - 1};
}

// Top over bottom, as a ratio of sums over the windows.
Figure ratio_of(const Windows& windows, Count top, Count bottom) {
  const double whole = sum(windows, bottom);
  const double mean = sum(windows, top) / whole;
  return ratio(windows, mean, whole, [&](const AllocWindow& window) {
    return value(window, top) - mean * value(window, bottom);
  });
}

Windows of_set(std::span<const AllocWindow> windows, ProbeSet set) {
  Windows chosen;
  for (const AllocWindow& window : windows)
    if (window.set == set && window.length_ns != 0) chosen.push_back(&window);
  return chosen;
}

Windows joined(Windows a, const Windows& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// The time that one call counted by `own` takes with no probes, in ns. `alone`: windows that count
// it only; `others`: that count the other kind only; `both`. `time`: the window's or the threads'.
Figure time_without_probes(const Windows& alone, const Windows& others, const Windows& both,
                           Count own, Count other, Count time) {
  const Figure mine = ratio_of(alone, time, own);
  const Figure theirs = ratio_of(others, time, other);
  const double both_own = sum(both, own);
  const double per_own = sum(both, other) / both_own;  // calls of the other kind for each
  // The rest, per_own x theirs - t(both), is one ratio over the windows that count both.
  const double rest = (theirs.mean * sum(both, other) - sum(both, time)) / both_own;
  const Figure joint = ratio(both, rest, both_own, [&](const AllocWindow& window) {
    return theirs.mean * value(window, other) - value(window, time) - rest * value(window, own);
  });
  Figure their_scatter = per_own * theirs;
  their_scatter.mean = 0;  // it is in `rest`
  return mine + their_scatter + joint;
}

double half_width(const Figure& figure) {
  return student_quantile(figure.freedom) * std::sqrt(figure.variance);
}

// From a time per call, of each of so many threads, to calls per second. A time that may be nothing
// leaves the rate open above: then all that is known is a lower bound, which is reckoned with.
Estimate rate_from_time(const Figure& time, double threads) {
  constexpr double kShortestCall = 1;  // ns
  const double half = half_width(time);
  const auto rate = [&](double time_ns) {
    return threads * 1e9 / std::max(kShortestCall, time_ns);
  };
  Estimate estimate{
      .estimate = rate(time.mean), .low = rate(time.mean + half), .high = rate(time.mean - half)};
  if (time.mean <= half) {
    estimate.high = std::numeric_limits<double>::infinity();
    estimate.estimate = estimate.low;
  }
  return estimate;
}

// What probes took of the threads' time: at most, and likely.
struct SlowDown {
  double most = 0;
  double likely = 0;
};

// Counted in windows that hardly slowed anything.
Estimate rate_from_count(const Windows& windows, Count count, const SlowDown& slowed) {
  const double time_s = sum(windows, &AllocWindow::length_ns) / 1e9;
  const double total = sum(windows, count);
  if (total == 0) return {.estimate = 0, .low = 0, .high = kPossibleUnseen / time_s};
  Figure per_ns = ratio_of(windows, count, &AllocWindow::length_ns);
  // Events never scatter less than chance has it, though a few windows may by luck.
  const double by_chance = total / std::pow(time_s * 1e9, 2);
  per_ns.variance = std::max(per_ns.variance, by_chance);
  const double half = half_width(per_ns) * 1e9;
  const double rate = per_ns.mean * 1e9;
  return {.estimate = rate / (1 - slowed.likely),
          .low = std::max(0.0, rate - half),
          .high = slowed.most < 1 ? (rate + half) / (1 - slowed.most)
                                  : std::numeric_limits<double>::infinity()};
}

// The product of a rate and a mean size: relative errors add up as squares.
Estimate bytes_per_s(const Estimate& rate, const Windows& windows) {
  if (sum(windows, &AllocWindow::allocs) == 0) return {};
  const Figure size = ratio_of(windows, &AllocWindow::bytes, &AllocWindow::allocs);
  if (size.mean <= 0 || rate.estimate <= 0) return {};
  const double of_size = half_width(size) / size.mean;
  const auto reach = [&](double edge) {
    return std::hypot(std::abs(edge - rate.estimate) / rate.estimate, of_size);
  };
  const double product = rate.estimate * size.mean;
  return {.estimate = product,
          .low = product * std::max(0.0, 1 - reach(rate.low)),
          .high = std::isfinite(rate.high) ? product * (1 + reach(rate.high)) : rate.high};
}

// Whether the time of threads is better known than that of windows: each passed so many probes that
// what lies before its first and after its last does not matter.
bool passes_often(const Windows& windows) {
  constexpr double kOften = 30;
  const double hits = sum(windows, &AllocWindow::allocs) + sum(windows, &AllocWindow::frees);
  return hits >= kOften * std::max(1.0, sum(windows, &AllocWindow::threads)) &&
         sum(windows, &AllocWindow::busy_ns) > 0;
}

double most_threads(const Windows& windows) {
  double threads = 0;
  for (const AllocWindow* window : windows)
    threads = std::max(threads, static_cast<double>(window->threads));
  return threads;
}

// Where the threads that allocate never sleep, and no others use the CPU, those that have one are
// the CPU time of the process, which is exact. Empty: they do sleep, or what the windows saw of
// them is not their time.
std::optional<double> threads_with_cpu(const Windows& windows, const AllocContext& context) {
  constexpr double kAgree = 0.05;
  if (!context.on_cpu || !context.runnable || *context.on_cpu <= 0) return std::nullopt;
  const double threads = most_threads(windows);
  if (std::abs(*context.on_cpu + *context.runnable - threads) > kAgree * threads)
    return std::nullopt;
  const Figure seen = ratio_of(windows, &AllocWindow::busy_ns, &AllocWindow::length_ns);
  if (std::abs(seen.mean - *context.on_cpu) > kAgree * threads + half_width(seen))
    return std::nullopt;
  return context.on_cpu;
}

// What an extrapolation goes by.
struct Basis {
  Windows allocs;
  Windows frees;
  Windows both;
  Count time = &AllocWindow::length_ns;
  double threads = 1;
};

// The time of threads that never sleep, `threads` of them on a CPU; a window in which none ran
// tells nothing of it. Of others the windows do not show when they would have gone on.
Basis basis_of(const std::array<Windows, kProbeSets>& sets, std::optional<double> threads) {
  const auto& [allocs, frees, both] = sets;
  Basis by_time{.allocs = allocs, .frees = frees, .both = both};
  if (!threads) return by_time;
  Basis by_threads = by_time;
  by_threads.threads = *threads;
  by_threads.time = &AllocWindow::busy_ns;
  for (Windows* windows : {&by_threads.allocs, &by_threads.frees, &by_threads.both}) {
    std::erase_if(*windows, [](const AllocWindow* window) { return window->busy_ns == 0; });
    if (windows->size() < kFewestWindows || !passes_often(*windows)) return by_time;
  }
  return by_threads;
}

// The largest share of a window's time that its probes took, over the sets. What the threads have
// to spare they do not lose.
SlowDown slow_down(const std::array<Windows, kProbeSets>& sets, const AllocContext& context) {
  // What a hit costs in place is not what it costs in a tight loop.
  constexpr double kDearer = 1.5;
  SlowDown slowed;
  double threads = 1;
  for (const Windows& windows : sets) {
    if (windows.empty()) continue;
    const double share =
        sum(windows, &AllocWindow::hits) * context.hit_ns / sum(windows, &AllocWindow::length_ns);
    slowed.most = std::max(slowed.most, kDearer * share);
    threads = std::max(threads, most_threads(windows));
  }
  const double busy = context.on_cpu.value_or(threads / 2) + context.runnable.value_or(0);
  const double used = std::min(1.0, busy / threads);
  // A thread that sleeps for so long loses what a hit costs, and one that sleeps until then does
  // not: half of it is the least wrong, until it is so much that what is extrapolated tells.
  const double lost_asleep = slowed.most <= kSlowedLittle ? 0.5 : 0;
  slowed.likely =
      std::min(slowed.most / threads * (used / kDearer + (1 - used) * lost_asleep), 0.5);
  return slowed;
}

// How much of the threads' time is used, of those that allocate; 1: they never sleep.
double utilisation(const std::array<Windows, kProbeSets>& sets, const AllocContext& context) {
  if (!context.on_cpu) return 1;
  double threads = 1;
  for (const Windows& windows : sets) threads = std::max(threads, most_threads(windows));
  return std::min(1.0, (*context.on_cpu + context.runnable.value_or(0)) / threads);
}

// Threads that sleep make up for what probes cost them, until that is more than they sleep. So two
// kinds of probes may slow them where one alone does not, and what is extrapolated is too high.
// What was counted with one kind alone is too low, if anything: the truth lies between.
Estimate between(const Estimate& counted, const SlowDown& slowed, const Estimate& extrapolated,
                 double used) {
  constexpr double kTrusted = 0.5;  // share of a thread's time, up to which its bound is one
  Estimate estimate{.estimate = counted.estimate,
                    .low = std::min(counted.low, extrapolated.low),
                    .high = std::max(extrapolated.high, counted.estimate)};
  if (slowed.most < kTrusted)
    estimate.high = std::max(counted.estimate, std::min(estimate.high, counted.high));
  if (std::isfinite(extrapolated.high))
    estimate.estimate *= std::pow(extrapolated.estimate / counted.estimate, used);
  estimate.estimate = std::clamp(estimate.estimate, estimate.low, estimate.high);
  return estimate;
}

struct Rates {
  Estimate allocs;
  Estimate frees;
};

Rates counted(const std::array<Windows, kProbeSets>& sets, const SlowDown& slowed) {
  const auto& [allocs, frees, both] = sets;
  return {.allocs = rate_from_count(joined(allocs, both), &AllocWindow::allocs, slowed),
          .frees = rate_from_count(joined(frees, both), &AllocWindow::frees, slowed)};
}

Rates extrapolated(const std::array<Windows, kProbeSets>& sets,
                   const std::optional<double>& never_sleep) {
  const auto [allocs, frees, both, time, threads] = basis_of(sets, never_sleep);
  return {.allocs = rate_from_time(time_without_probes(allocs, frees, both, &AllocWindow::allocs,
                                                       &AllocWindow::frees, time),
                                   threads),
          .frees = rate_from_time(time_without_probes(frees, allocs, both, &AllocWindow::frees,
                                                      &AllocWindow::allocs, time),
                                  threads)};
}

Rates of_sleepers(const std::array<Windows, kProbeSets>& sets, const AllocContext& context,
                  const Rates& all, double used) {
  const auto& [allocs, frees, both] = sets;
  const SlowDown by_allocs = slow_down({{allocs, {}, {}}}, context);
  const SlowDown by_frees = slow_down({{{}, frees, {}}}, context);
  return {.allocs = between(rate_from_count(allocs, &AllocWindow::allocs, by_allocs), by_allocs,
                            all.allocs, used),
          .frees = between(rate_from_count(frees, &AllocWindow::frees, by_frees), by_frees,
                           all.frees, used)};
}

double width(const Estimate& estimate) {
  return (estimate.high - estimate.low) / std::max(estimate.estimate, 1e-9);
}

// Whose bounds are the nearer to each other.
Rates narrower(const Rates& one, const Rates& other) {
  return width(one.allocs) + width(one.frees) < width(other.allocs) + width(other.frees) ? one
                                                                                         : other;
}

}  // namespace

double student_quantile(double degrees_of_freedom) {
  // Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; exact for one and two.
  constexpr double kNormal = 1.959963985;
  constexpr double kOne = 12.7062;
  constexpr double kTwo = 4.30265;
  const double n = std::max(1.0, degrees_of_freedom);
  if (n < 2) return kOne + (kTwo - kOne) * (n - 1);
  const double z = kNormal;
  const double z3 = z * z * z;
  const double z5 = z3 * z * z;
  const double z7 = z5 * z * z;
  const double expansion = z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
                           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
  if (n >= 3) return expansion;
  constexpr double kThree = 3.18245;
  return kTwo + (kThree - kTwo) * (n - 2);
}

bool lack_cpu(const std::optional<double>& running, const std::optional<double>& runnable,
              double times) {
  constexpr double kNoticeable = 0.1;  // threads
  return running && runnable && *runnable > kNoticeable && *runnable > times * *running;
}

bool is_crowded(const AllocContext& context) {
  constexpr double kTooLong = 10;
  return lack_cpu(context.on_cpu, context.runnable, kTooLong);
}

std::optional<AllocEstimate> estimate_rates(std::span<const AllocWindow> windows,
                                            const AllocContext& context) {
  const std::array<Windows, kProbeSets> sets = {of_set(windows, ProbeSet::kAllocs),
                                                of_set(windows, ProbeSet::kFrees),
                                                of_set(windows, ProbeSet::kBoth)};
  const auto& [allocs, frees, both] = sets;
  const Windows counting_allocs = joined(allocs, both);
  const Windows counting_frees = joined(frees, both);
  if (counting_allocs.size() < kFewestWindows || counting_frees.size() < kFewestWindows)
    return std::nullopt;
  const auto never_sleep = threads_with_cpu(joined(joined(allocs, frees), both), context);
  if (is_crowded(context) && !never_sleep) return std::nullopt;
  const SlowDown slowed = slow_down(sets, context);
  const bool by_turns =
      std::ranges::all_of(sets, [](const Windows& set) { return set.size() >= kFewestWindows; });
  const bool stays = allocs.empty() && frees.empty();
  if (slowed.most > kSlowedLittle && !by_turns && !stays) return std::nullopt;
  const bool any_empty =
      sum(allocs, &AllocWindow::allocs) == 0 || sum(frees, &AllocWindow::frees) == 0 ||
      sum(both, &AllocWindow::allocs) == 0 || sum(both, &AllocWindow::frees) == 0;
  Rates rates = counted(sets, slowed);
  if (by_turns && !any_empty) {
    constexpr double kAlways = 0.95;
    const double used = utilisation(sets, context);
    const Rates without_probes = extrapolated(sets, never_sleep);
    if (slowed.most <= kSlowedLittle && !never_sleep)
      rates = narrower(rates, without_probes);
    else
      rates = used < kAlways ? of_sleepers(sets, context, without_probes, used) : without_probes;
  }
  AllocEstimate estimate{
      .allocs_per_s = rates.allocs, .frees_per_s = rates.frees, .bytes_per_s = {}};
  estimate.bytes_per_s = bytes_per_s(estimate.allocs_per_s, counting_allocs);
  return estimate;
}

}  // namespace cw
