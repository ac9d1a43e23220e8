#include "analysis/waits_regression.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "analysis/alloc_estimate.h"
#include "analysis/jackknife.h"
#include "model/section_event.h"

namespace cw {
namespace {

// SetSums over the windows of one set, each window weighed by the inverse of its length: counts
// scatter as their expectation does.
struct SetSums {
  double windows = 0;
  double calls = 0;
  double calls_squared = 0;
  double calls_by_waits = 0;

  void add(const WaitsWindow& window, double times) {
    windows += times;
    calls += times * window.calls;
    calls_squared += times * window.calls * window.calls / window.length_ns;
    calls_by_waits += times * window.calls * window.waits / window.length_ns;
  }
};

struct NormalSums {
  std::array<SetSums, kProbeSets> sets;
  double asks = 0;
  double waits = 0;
  double waits_squared = 0;

  // `times`: -1 takes it away again.
  void add(const WaitsWindow& window, double times) {
    sets.at(static_cast<std::size_t>(window.set)).add(window, times);
    asks += times * window.asks;
    waits += times * window.waits;
    waits_squared += times * window.waits * window.waits / window.length_ns;
  }
};

struct Fit {
  double wait_ns = 0;     // w
  double rate_per_s = 0;  // without probes
};

// The normal equations; those of the three sets have only w in common.
std::optional<Fit> fit(const NormalSums& totals, double waits_per_s) {
  double left = totals.waits;
  double waits_left = totals.waits_squared;
  for (const SetSums& set : totals.sets) {
    if (set.calls_squared <= 0) return std::nullopt;
    left -= set.calls_by_waits * set.calls / set.calls_squared;
    waits_left -= set.calls_by_waits * set.calls_by_waits / set.calls_squared;
  }
  // As many waits for each call in every window: whose time it is cannot be told.
  constexpr double kLeastScatter = 1e-6;
  if (waits_left <= kLeastScatter * totals.waits_squared) return std::nullopt;
  const double wait_ns = left / waits_left;
  const auto call_ns = [&](ProbeSet set) {
    const SetSums& sums = totals.sets.at(static_cast<std::size_t>(set));
    return (sums.calls - wait_ns * sums.calls_by_waits) / sums.calls_squared;
  };
  const double asks = totals.asks / totals.sets.at(static_cast<std::size_t>(ProbeSet::kBoth)).calls;
  const double alone_ns = asks * call_ns(kAsking) + call_ns(kLettingGo) - call_ns(ProbeSet::kBoth);
  const double left_for_calls = 1e9 - wait_ns * waits_per_s;
  if (alone_ns <= 0 || left_for_calls <= 0) return std::nullopt;
  return Fit{.wait_ns = wait_ns, .rate_per_s = left_for_calls / alone_ns};
}

double scatter_of(const std::vector<Fit>& without, double Fit::* figure) {
  std::vector<double> figures;
  figures.reserve(without.size());
  for (const Fit& one : without) figures.push_back(one.*figure);
  return standard_error(figures);
}

bool has_enough(const NormalSums& totals) {
  return std::ranges::all_of(totals.sets, [](const SetSums& set) {
    return set.windows >= static_cast<double>(kFewestWindows);
  });
}

}  // namespace

std::optional<Estimate> rate_by_waits(std::span<const WaitsWindow> windows, double waits_per_s) {
  constexpr double kErrorsApart = 3;  // standard errors
  constexpr double kFigures = 4;      // that are fitted
  NormalSums totals;
  for (const WaitsWindow& window : windows)
    if (window.length_ns > 0) totals.add(window, 1);
  if (!has_enough(totals)) return std::nullopt;
  const auto all = fit(totals, waits_per_s);
  if (!all) return std::nullopt;
  std::vector<Fit> without;
  for (const WaitsWindow& window : windows) {
    if (window.length_ns <= 0) continue;
    NormalSums others = totals;
    others.add(window, -1);
    const auto one = fit(others, waits_per_s);
    if (!one) return std::nullopt;
    without.push_back(*one);
  }
  if (std::abs(all->wait_ns) < kErrorsApart * scatter_of(without, &Fit::wait_ns))
    return std::nullopt;
  const double half = student_quantile(static_cast<double>(without.size()) - kFigures) *
                      scatter_of(without, &Fit::rate_per_s);
  return Estimate{.estimate = all->rate_per_s,
                  .low = std::max(0.0, all->rate_per_s - half),
                  .high = all->rate_per_s + half};
}

}  // namespace cw
