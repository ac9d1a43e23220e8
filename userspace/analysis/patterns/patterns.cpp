#include "analysis/patterns/patterns.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <vector>

#include "analysis/patterns/families.h"
#include "output/symbol.h"

namespace cw {
namespace patterns {

std::string title_of(const LockReport& lock) {
  return fmt::format("{} {}", name_of(lock.kind),
                     lock.has_symbol ? short_symbol(lock.name) : lock.name);
}

}  // namespace patterns

namespace {

using Finder = patterns::Found (*)(const LockReport&, const Report&);

// From what says most of how to mend it to what says least.
constexpr auto kOfGuilty = std::to_array<Finder>(
    {patterns::held_across_sleep, patterns::held_across_io, patterns::held_across_allocation,
     patterns::held_while_waiting, patterns::thundering_herd, patterns::many_small_locks,
     patterns::pause, patterns::starved_writers, patterns::convoy, patterns::readers_behind_writers,
     patterns::readers_on_one_word, patterns::one_lock_under_everything});
constexpr auto kOfInterpreters = std::to_array<Finder>({patterns::interpreter_lock});
constexpr auto kOfInnocent =
    std::to_array<Finder>({patterns::cpu_starvation, patterns::false_alarm});

std::span<const Finder> guilty_of(const LockReport& lock) {
  if (lock.kind == LockKind::kGil) return kOfInterpreters;
  return kOfGuilty;
}

std::vector<Pattern> found_by(std::span<const Finder> finders, const LockReport& lock,
                              const Report& report) {
  std::vector<Pattern> found;
  for (const Finder find : finders)
    if (auto pattern = find(lock, report)) found.push_back(std::move(*pattern));
  return found;
}

// What is not its doing needs no advice of what to do about it; see analysis/verdict.cpp.
void add_to(LockReport& lock, std::vector<Pattern> found, bool as_advice) {
  for (Pattern& pattern : found) {
    if (as_advice) lock.advice.push_back(pattern.evidence);
    lock.patterns.push_back(std::move(pattern));
  }
}

}  // namespace

void add_patterns(Report& report) {
  for (LockReport& lock : report.locks) {
    // Where CPU is what lacks, that is the advice.
    if (lock.level != Level::kFine)
      add_to(lock, found_by(guilty_of(lock), lock, report), lock.cause != "cpu starvation");
    add_to(lock, found_by(kOfInnocent, lock, report), false);
    // "mutex orders::ledger: 12,000 waits/s look bad, but..."
    for (const Pattern& pattern : lock.patterns)
      if (pattern.name == "false_alarm")
        report.verdict.cleared.push_back(
            fmt::format("{}: {}", patterns::title_of(lock), pattern.evidence));
  }
}

}  // namespace cw
