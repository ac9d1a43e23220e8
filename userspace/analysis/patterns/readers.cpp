// Reader-writer locks.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "analysis/patterns/families.h"
#include "output/format.h"

namespace cw::patterns {
namespace {

constexpr double kMostly = 0.5;       // of the waiting
constexpr double kMostlyReads = 0.9;  // of the acquisitions
// Taking and letting go each write the lock's word, which another CPU had: about 50 ns each.
constexpr double kTwoWritesNs = 100;
constexpr double kWorthACore = 0.1;

// Share of the waiting.
double waiting_in(const LockReport& lock, std::string_view mode) {
  double share = 0;
  for (const Waiters& waiters : lock.waiters)
    if (waiters.mode == mode) share += waiters.share;
  return share;
}

}  // namespace

// A reader sleeps only while a writer has the lock, or is let in before it.
Found readers_behind_writers(const LockReport& lock, const Report& /*report*/) {
  if (lock.kind != LockKind::kRwlock) return std::nullopt;
  const double reading = waiting_in(lock, "read");
  if (reading < kMostly) return std::nullopt;
  return Pattern{
      .name = "readers_behind_writers",
      .evidence = fmt::format("{} of the waiting is by readers, whom only writers keep out: write "
                              "less under it, or publish a new copy and let readers go on",
                              format_share(std::min(1.0, reading)))};
}

// glibc's lets readers in past writers that wait, unless it was made otherwise (nptl/
// pthread_rwlock_common.c: PTHREAD_RWLOCK_PREFER_READER_NP): as long as reads overlap, no writer
// gets in.
Found starved_writers(const LockReport& lock, const Report& /*report*/) {
  constexpr double kHolds = 10;  // so many after another while a writer waits
  if (lock.primitive != "pthread rwlock" || !lock.sections || lock.sections->bounds_only)
    return std::nullopt;
  const SectionsReport& sections = *lock.sections;
  const double taken = sections.acquisitions_per_s.value_or(Estimate()).estimate;
  const double hold_ns = sections.hold_mean_ns.value_or(Estimate()).high;
  if (waiting_in(lock, "write") < kMostly || taken <= 0 || hold_ns <= 0 ||
      sections.read_share.value_or(0) < kMostlyReads)
    return std::nullopt;
  const double wait_ns = static_cast<double>(lock.wait.sum_ns) /
                         static_cast<double>(std::max<std::uint64_t>(lock.waits, 1));
  const bool is_stuck = lock.cause == "stuck";
  if (!is_stuck && wait_ns < kHolds * hold_ns) return std::nullopt;
  return Pattern{
      .name = "starved_writers",
      .evidence = fmt::format(
          "writers wait {} while it is taken {} times/s for reading: glibc lets readers in past "
          "them; initialise it with PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, or use a mutex",
          is_stuck ? "all the time" : format_duration(wait_ns), format_rate(taken))};
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
