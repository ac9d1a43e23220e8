// Reader-writer locks.
#include <fmt/format.h>

#include "analysis/patterns/families.h"
#include "output/format.h"

namespace cw::patterns {
namespace {

constexpr double kMostly = 0.5;       // of the waiting
constexpr double kMostlyReads = 0.9;  // of the acquisitions
// Taking and letting go each write the lock's word, which another CPU had: about 50 ns each.
constexpr double kTwoWritesNs = 100;
constexpr double kWorthACore = 0.1;

}  // namespace

// A reader sleeps only while a writer has the lock, or is let in before it.
Found readers_behind_writers(const LockReport& lock, const Report& /*report*/) {
  if (lock.kind != LockKind::kRwlock) return std::nullopt;
  double reading = 0;
  for (const Waiters& waiters : lock.waiters)
    if (waiters.mode == "read") reading += waiters.share;
  if (reading < kMostly) return std::nullopt;
  return Pattern{
      .name = "readers_behind_writers",
      .evidence = fmt::format("{} of the waiting is by readers, whom only writers keep out: write "
                              "less under it, or publish a new copy and let readers go on",
                              format_share(std::min(1.0, reading)))};
}

Found readers_on_one_word(const LockReport& lock, const Report& /*report*/) {
  if (lock.kind != LockKind::kRwlock || !lock.sections || lock.sections->bounds_only)
    return std::nullopt;
  const SectionsReport& sections = *lock.sections;
  if (!sections.acquisitions_per_s || sections.threads < 2) return std::nullopt;
  const double rate = sections.acquisitions_per_s->estimate;
  const double cores = rate * kTwoWritesNs / 1e9;
  if (sections.read_share.value_or(0) < kMostlyReads || cores < kWorthACore) return std::nullopt;
  return Pattern{
      .name = "readers_on_one_word",
      .evidence = fmt::format(
          "{} of {} acquisitions/s only read, but each writes the lock's own word twice, from {}: "
          "at about {} that is {} cores; give threads a copy or a lock of their own to read under",
          format_share(sections.read_share.value_or(0)), format_rate(rate),
          format_plural(sections.threads, "thread"), format_duration(kTwoWritesNs),
          format_cores(cores))};
}

}  // namespace cw::patterns
