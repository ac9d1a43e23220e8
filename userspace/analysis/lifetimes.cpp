#include "analysis/lifetimes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "analysis/jackknife.h"

namespace cw {
namespace {

constexpr std::uint64_t kFewestLives = 20;
constexpr double kLeftOpen = 0.1;  // share of the blocks: more, and there is no estimate
constexpr std::size_t kFewestWindows = 4;
constexpr std::size_t kMostGroups = 24;  // of windows, whose scatter gives the interval

// A life on its way through the curve.
struct Mark {
  double lived_ns = 0;
  double weight = 0;
  bool ended = false;
  bool elsewhere = false;
  std::size_t group = 0;
};

std::vector<Mark> marks_of(std::span<const AllocLife> lives) {
  std::map<std::uint64_t, std::size_t> windows;
  for (const AllocLife& life : lives) windows.emplace(life.window_ns, 0);
  std::size_t number = 0;
  for (auto& [time, group] : windows) group = number++ % kMostGroups;
  std::vector<Mark> marks;
  marks.reserve(lives.size());
  for (const AllocLife& life : lives)
    marks.push_back({.lived_ns = static_cast<double>(life.lived_ns),
                     .weight = life.weight,
                     .ended = life.ended,
                     .elsewhere = life.elsewhere,
                     .group = windows.at(life.window_ns)});
  // One seen alive at an age was there when another ended at the same.
  std::ranges::sort(marks, [](const Mark& a, const Mark& b) {
    return a.lived_ns != b.lived_ns ? a.lived_ns < b.lived_ns : a.ended && !b.ended;
  });
  return marks;
}

constexpr std::size_t kNoGroup = kMostGroups;

// Calls `visit(mark, share)` with the share of all blocks that end as that one did, in the order of
// their ages; those of `left_out` do not count.
template <typename Visit>
void walk_curve(const std::vector<Mark>& marks, std::size_t left_out, Visit visit) {
  double at_risk = 0;
  for (const Mark& mark : marks)
    if (mark.group != left_out) at_risk += mark.weight;
  double alive = 1;
  for (const Mark& mark : marks) {
    if (mark.group == left_out) continue;
    if (mark.ended && at_risk > 0) {
      const double share = alive * std::min(1.0, mark.weight / at_risk);
      visit(mark, share);
      alive -= share;
    }
    at_risk -= mark.weight;
  }
}

double ended_within(const std::vector<Mark>& marks, double age_ns, std::size_t left_out) {
  double ended = 0;
  walk_curve(marks, left_out, [&](const Mark& mark, double share) {
    if (mark.lived_ns <= age_ns) ended += share;
  });
  return ended;
}

// Half the width of the 95 % interval: blocks of one window end alike, so that it is windows, not
// blocks, whose scatter tells (jackknife over groups of them).
double half_width(const std::vector<Mark>& marks, double age_ns, double share) {
  std::size_t groups = 0;
  for (const Mark& mark : marks) groups = std::max(groups, mark.group + 1);
  if (groups < kFewestWindows) {
    // Too few: as if each block were its own.
    const auto blocks = static_cast<double>(marks.size());
    return 2 * std::sqrt(std::max(share * (1 - share), 1 / blocks) / blocks);
  }
  std::vector<double> without;
  without.reserve(groups);
  for (std::size_t group = 0; group < groups; ++group)
    without.push_back(ended_within(marks, age_ns, group));
  // One block more or less may always have been by chance.
  return std::max(2 / static_cast<double>(marks.size()), half_interval(without));
}

void add_short_lived(const std::vector<Mark>& marks, Lifetimes& found) {
  const double seen = ended_within(marks, kShortLifeNs, kNoGroup);
  const double half = half_width(marks, kShortLifeNs, seen);
  const bool is_known = found.known_to_ns >= kShortLifeNs;
  const double open = is_known ? 0 : 1 - seen;
  if (open > kLeftOpen) return;
  found.short_lived = Estimate{.estimate = seen + open / 2,
                               .low = std::max(0.0, seen - half),
                               .high = std::min(1.0, seen + open + half)};
}

}  // namespace

Lifetimes lifetimes_of(std::span<const AllocLife> lives) {
  Lifetimes found;
  found.followed = lives.size();
  found.ended = static_cast<std::uint64_t>(std::ranges::count_if(lives, &AllocLife::ended));
  if (found.followed < kFewestLives) return found;
  const std::vector<Mark> marks = marks_of(lives);
  found.known_to_ns = marks.back().lived_ns;
  double elsewhere = 0;
  std::map<std::uint32_t, double> buckets;
  walk_curve(marks, kNoGroup, [&](const Mark& mark, double share) {
    found.known_share += share;
    if (mark.elsewhere) elsewhere += share;
    buckets[bucket_of(static_cast<std::uint64_t>(mark.lived_ns))] += share;
    found.curve.push_back({.lived_ns = mark.lived_ns, .ended_share = found.known_share});
  });
  if (found.known_share > 0) found.elsewhere_share = elsewhere / found.known_share;
  for (const auto& [bucket, share] : buckets)
    found.histogram.add(bucket, static_cast<std::uint64_t>(
                                    std::llround(share * static_cast<double>(lives.size()))));
  add_short_lived(marks, found);
  return found;
}

CallLatency latency_of(std::span<const AllocLife> lives, double floor_ns) {
  CallLatency latency;
  latency.floor_ns = floor_ns;
  latency.count = lives.size();
  for (const AllocLife& life : lives) {
    const double taken = std::max(0.0, static_cast<double>(life.call_ns) - floor_ns);
    latency.histogram.add(bucket_of(static_cast<std::uint64_t>(taken)), 1);
    latency.mean_ns += taken / static_cast<double>(lives.size());
  }
  return latency;
}

}  // namespace cw
