#include "analysis/queue_model.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace cw {
namespace {

constexpr int kHalvings = 60;                // of an interval, until nothing of it is left
constexpr double kFits = 0.1;                // share by which a fitted load may miss what was seen
constexpr std::uint64_t kMostThreads = 200;  // more are a crowd that asks as often as they do
constexpr std::uint64_t kMostLocks = 1024;
// Of what queueing costs, the part that it does not where holds are all alike. By simulation: 0.2
// to 0.3 wherever queueing costs more than a few percent.
constexpr double kSavedByRegularity = 0.25;

// By the number of threads at a place: the weight of that in the network's states. The range of a
// long double holds 200 factorial.
using Weights = std::vector<long double>;

Weights together(const Weights& a, const Weights& b) {
  Weights sum(a.size(), 0);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; i + j < a.size(); ++j) sum[i + j] += a[i] * b[j];
  return sum;
}

Weights thinking(double mean, std::uint64_t threads) {
  Weights weights(threads + 1, 1);
  for (std::size_t n = 1; n < weights.size(); ++n) weights[n] = weights[n - 1] * mean / n;
  return weights;
}

// Who lets go of a lock that others wait for has to wake one of them.
Weights at_lock(double hold, double handover, std::uint64_t threads) {
  Weights weights(threads + 1, 1);
  for (std::size_t n = 1; n < weights.size(); ++n)
    weights[n] = weights[n - 1] * (n == 1 ? hold : hold + handover);
  return weights;
}

// `count` places that are alike.
Weights power(Weights one, std::uint64_t count) {
  Weights all(one.size(), 0);
  all[0] = 1;
  for (; count != 0; count /= 2) {
    if (count % 2 != 0) all = together(all, one);
    if (count > 1) one = together(one, one);
  }
  return all;
}

// The largest x in [0, high] for which `holds`; it holds up to some x and no further.
template <typename Predicate>
double last_where(double high, Predicate holds) {
  double low = 0;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace

LockFlow flow_of(const LockLoad& load) {
  const std::uint64_t threads = std::min(load.threads, kMostThreads);
  const std::uint64_t locks = std::clamp<std::uint64_t>(load.locks, 1, kMostLocks);
  const double unit_s = load.think_s + load.hold_s + load.handover_s;
  if (threads == 0 || unit_s <= 0) return {};
  const double crowd = static_cast<double>(load.threads) / static_cast<double>(threads);
  const double visits = 1 / static_cast<double>(locks);  // of one lock, for each acquisition
  const Weights lock =
      at_lock(load.hold_s / unit_s * visits, load.handover_s / unit_s * visits, threads);
  const Weights whole =
      together(thinking(load.think_s / unit_s / crowd, threads), power(lock, locks));
  const auto at_random = static_cast<double>(whole[threads - 1] / whole[threads]) / unit_s;
  const double unhindered =
      std::min(static_cast<double>(load.threads) / (load.think_s + load.hold_s),
               1 / ((load.hold_s + load.handover_s) * visits));
  const double regularity = 1 - std::clamp(load.hold_cv2, 0.0, 1.0);
  const double rate =
      at_random + kSavedByRegularity * regularity * std::max(0.0, unhindered - at_random);
  const double away = rate * load.think_s + rate * load.hold_s;  // threads that do not wait
  return {.acquisitions_per_s = rate,
          .utilisation = rate * load.hold_s * visits,
          .waiting = std::max(0.0, static_cast<double>(load.threads) - away)};
}

std::optional<LockLoad> fitted_load(const SeenFlow& seen) {
  if (seen.threads == 0 || seen.acquisitions_per_s <= 0 || seen.hold_s <= 0) return std::nullopt;
  const double cycle_s = static_cast<double>(seen.threads) / seen.acquisitions_per_s;
  const double waiting_s = std::max(0.0, seen.waiting) / seen.acquisitions_per_s;
  LockLoad load{.threads = seen.threads,
                .think_s = std::max(0.0, cycle_s - waiting_s - seen.hold_s),
                .hold_s = seen.hold_s,
                .hold_cv2 = seen.hold_cv2};
  const auto keeps_up = [&](double think_s, double handover_s) {
    LockLoad tried = load;
    tried.think_s = think_s;
    tried.handover_s = handover_s;
    return flow_of(tried).acquisitions_per_s >= seen.acquisitions_per_s;
  };
  if (keeps_up(load.think_s, 0))
    load.handover_s =
        last_where(cycle_s, [&](double handover_s) { return keeps_up(load.think_s, handover_s); });
  else  // they come less at random than the model's: as if they came sooner
    load.think_s = last_where(load.think_s, [&](double think_s) { return keeps_up(think_s, 0); });
  const double fitted = flow_of(load).acquisitions_per_s;
  if (std::abs(fitted - seen.acquisitions_per_s) > kFits * seen.acquisitions_per_s)
    return std::nullopt;
  return load;
}

double saturating_threads(const LockLoad& load) {
  return load.hold_s <= 0 ? 0 : (load.think_s + load.hold_s) / load.hold_s;
}

}  // namespace cw
