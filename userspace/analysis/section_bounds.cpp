#include "analysis/section_bounds.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace cw {
namespace {

// Mutexes of which each unlock wakes at most one thread. absl's is not among them: one of its
// unlocks may wake several readers. As in the table of runtimes.
constexpr auto kInlined =
    std::to_array<std::string_view>({"std::sync::Mutex", "parking_lot::Mutex", "QMutex"});

}  // namespace

bool is_inlined(const LockReport& lock) {
  return lock.kind == LockKind::kMutex &&
         std::ranges::find(kInlined, lock.primitive) != kInlined.end();
}

void add_bounds(Report& report) {
  if (report.interval_s <= 0) return;
  for (LockReport& lock : report.locks) {
    if (lock.sections || !is_inlined(lock)) continue;
    std::uint64_t wakes = 0;
    for (const Releasers& releasers : lock.releasers) wakes += releasers.wakes;
    if (wakes < 2) continue;
    constexpr double kUnknown = std::numeric_limits<double>::infinity();
    const double least = static_cast<double>(wakes - 1) / report.interval_s;
    SectionsReport& bounds = lock.sections.emplace();
    bounds.bounds_only = true;
    bounds.acquisitions_per_s = Estimate{.estimate = least, .low = least, .high = kUnknown};
    if (!lock.per_waiter_words && lock.objects == 1)
      bounds.hold_mean_ns = Estimate{.estimate = 1e9 / least, .low = 0, .high = 1e9 / least};
  }
}

}  // namespace cw
