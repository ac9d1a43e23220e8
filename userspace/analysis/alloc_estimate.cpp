#include "analysis/alloc_estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace cw {
namespace {

// When probes hold up one thread for less than this share of a window, even if all of it falls on
// one: the rates of all windows together are right within this, which the interval then includes.
constexpr double kSlowedLittle = 0.02;
constexpr double kNone = 3;  // events that a count of none leaves possible, 95 %

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
Estimate rate_from_time(const Figure& time, const Figure& threads) {
  constexpr double kShortestCall = 1;  // ns
  const double half = half_width(time);
  const double of_threads = threads.mean > 0 ? half_width(threads) / threads.mean : 0;
  const auto rate = [&](double time_ns) {
    return threads.mean * 1e9 / std::max(kShortestCall, time_ns);
  };
  Estimate estimate;
  estimate.estimate = rate(time.mean);
  // Relative errors of the two add up as squares, on each side.
  const double down = std::hypot(1 - rate(time.mean + half) / estimate.estimate, of_threads);
  estimate.low = time.mean > 0 && down < 1 ? estimate.estimate * (1 - down)
                                           : rate(time.mean + half) * std::max(0.0, 1 - of_threads);
  if (time.mean <= half) {
    estimate.high = std::numeric_limits<double>::infinity();
    estimate.estimate = estimate.low;
    return estimate;
  }
  const double up = std::hypot(rate(time.mean - half) / estimate.estimate - 1, of_threads);
  estimate.high = estimate.estimate * (1 + up);
  return estimate;
}

// Counted in windows that hardly slowed anything. `slowed`: the most by which it may be low.
Estimate rate_from_count(const Windows& windows, Count count, double slowed) {
  const double time_s = sum(windows, &AllocWindow::length_ns) / 1e9;
  const double total = sum(windows, count);
  if (total == 0) return {.estimate = 0, .low = 0, .high = kNone / time_s};
  Figure per_ns = ratio_of(windows, count, &AllocWindow::length_ns);
  // Events never scatter less than chance has it, though a few windows may by luck.
  const double by_chance = total / std::pow(time_s * 1e9, 2);
  per_ns.variance = std::max(per_ns.variance, by_chance);
  const double half = half_width(per_ns) * 1e9;
  const double rate = per_ns.mean * 1e9;
  return {
      .estimate = rate, .low = std::max(0.0, rate - half), .high = (rate + half) * (1 + slowed)};
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

// How many of its threads had a CPU, or slept of their own accord, mean. Where those that allocate
// never sleep, and no others use the CPU, that is the CPU time of the process, which is exact.
Figure threads_with_cpu(const Windows& windows, const AllocContext& context) {
  constexpr double kAgree = 0.05;
  constexpr double kExact = 1e9;  // degrees of freedom
  double threads = 0;
  for (const AllocWindow* window : windows)
    threads = std::max(threads, static_cast<double>(window->threads));
  if (context.on_cpu && context.runnable && *context.on_cpu > 0 &&
      std::abs(*context.on_cpu + *context.runnable - threads) <= kAgree * threads)
    return {.mean = *context.on_cpu, .variance = 0, .freedom = kExact};
  return ratio_of(windows, &AllocWindow::busy_ns, &AllocWindow::length_ns);
}

// What an extrapolation goes by.
struct Basis {
  Windows allocs;
  Windows frees;
  Windows both;
  Count time = &AllocWindow::length_ns;
  Figure threads{.mean = 1, .variance = 0, .freedom = 1};
};

// The threads' time, where it is known well enough; a window in which none ran tells nothing of it.
Basis basis_of(const std::array<Windows, kProbeSets>& sets, const AllocContext& context) {
  const auto& [allocs, frees, both] = sets;
  Basis by_time{.allocs = allocs, .frees = frees, .both = both};
  Basis by_threads = by_time;
  by_threads.time = &AllocWindow::busy_ns;
  for (Windows* windows : {&by_threads.allocs, &by_threads.frees, &by_threads.both}) {
    std::erase_if(*windows, [](const AllocWindow* window) { return window->busy_ns == 0; });
    if (windows->size() < kFewestWindows || !passes_often(*windows)) return by_time;
  }
  by_threads.threads = threads_with_cpu(joined(joined(allocs, frees), both), context);
  return by_threads;
}

// The largest share of a window's time that its probes took, over the sets.
double slowed(const std::array<Windows, kProbeSets>& sets, double hit_ns) {
  double most = 0;
  for (const Windows& windows : sets) {
    if (windows.empty()) continue;
    most = std::max(
        most, sum(windows, &AllocWindow::hits) * hit_ns / sum(windows, &AllocWindow::length_ns));
  }
  return most;
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

std::optional<AllocEstimate> estimate_rates(std::span<const AllocWindow> windows,
                                            const AllocContext& context) {
  const std::array<Windows, kProbeSets> sets = {of_set(windows, ProbeSet::kAllocs),
                                                of_set(windows, ProbeSet::kFrees),
                                                of_set(windows, ProbeSet::kBoth)};
  const auto& [allocs, frees, both] = sets;
  const bool stays = allocs.empty() && frees.empty() && both.size() >= kFewestWindows;
  if (!stays &&
      std::ranges::any_of(sets, [](const Windows& set) { return set.size() < kFewestWindows; }))
    return std::nullopt;
  const Windows counting_allocs = joined(allocs, both);
  const Windows counting_frees = joined(frees, both);
  AllocEstimate estimate;
  const double held_up = slowed(sets, context.hit_ns);
  const bool any_empty =
      sum(allocs, &AllocWindow::allocs) == 0 || sum(frees, &AllocWindow::frees) == 0 ||
      sum(both, &AllocWindow::allocs) == 0 || sum(both, &AllocWindow::frees) == 0;
  estimate.extrapolated = held_up > kSlowedLittle && !any_empty && !stays;
  if (estimate.extrapolated) {
    const auto [a, f, both_kinds, time, threads] = basis_of(sets, context);
    estimate.allocs_per_s = rate_from_time(
        time_without_probes(a, f, both_kinds, &AllocWindow::allocs, &AllocWindow::frees, time),
        threads);
    estimate.frees_per_s = rate_from_time(
        time_without_probes(f, a, both_kinds, &AllocWindow::frees, &AllocWindow::allocs, time),
        threads);
  } else {
    estimate.allocs_per_s = rate_from_count(counting_allocs, &AllocWindow::allocs, held_up);
    estimate.frees_per_s = rate_from_count(counting_frees, &AllocWindow::frees, held_up);
  }
  estimate.bytes_per_s = bytes_per_s(estimate.allocs_per_s, counting_allocs);
  return estimate;
}

}  // namespace cw
