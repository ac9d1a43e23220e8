// What was seen of critical sections, joined with the locks that threads wait for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/lock_sums.h"
#include "analysis/section_bounds.h"
#include "analysis/sections.h"
#include "analysis/what_if.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using test::FakeSymbolizer;
using test::kImage;
using test::kPid;
using test::kUs;

constexpr std::uint64_t kLedger = 0x1000;

Distribution holds_of(std::uint64_t ns, std::uint64_t count) {
  Distribution hold;
  hold.count = count;
  hold.sum_ns = ns * count;
  hold.histogram.add(bucket_of(ns), count);
  return hold;
}

LockSections taken(std::uint64_t address, double per_s, double hold_us) {
  LockSections seen;
  seen.pid = kPid;
  seen.image = kImage;
  seen.address = address;
  seen.observed_s = 0.05;
  seen.windows = 10;
  seen.acquisitions_per_s = {.estimate = per_s, .low = 0.98 * per_s, .high = 1.02 * per_s};
  seen.contended_share = 0.4;
  seen.threads = 4;
  const auto hold_ns = static_cast<std::uint64_t>(hold_us * 1e3);
  seen.hold = holds_of(hold_ns, 1000);
  const auto mean = static_cast<double>(hold_ns);
  seen.hold_mean_ns = {.estimate = mean, .low = 0.99 * mean, .high = 1.01 * mean};
  seen.holders = {{.stack = 21,
                   .share = 0.75,
                   .held_ns = {75, 74, 76, 75, 75, 75},
                   .acquisitions_per_s = per_s / 2,
                   .hold = seen.hold},
                  {.stack = 22,
                   .share = 0.25,
                   .held_ns = {25, 26, 24, 25, 25, 25},
                   .acquisitions_per_s = per_s / 2,
                   .hold = seen.hold}};
  return seen;
}

LockReport waited_for(std::uint64_t address, double waiters = 2.5) {
  LockReport lock;
  lock.pids = {kPid};
  lock.kind = LockKind::kMutex;
  lock.name = "orders::ledger";
  lock.address = address;
  lock.places = {{.pid = kPid, .address = address}};
  lock.level = Level::kCulprit;
  lock.threads = 4;
  lock.waiters_mean = waiters;
  lock.busy_share = 0.97;
  return lock;
}

class Sections : public testing::Test {
 protected:
  Sections() {
    symbols.add_stack(21, {"pthread_mutex_lock", "orders::lookup", "clerk"});
    symbols.add_stack(22, {"pthread_mutex_lock", "orders::settle", "clerk"});
    report.interval_s = 5;
    report.cpus = 8;
    report.processes.emplace_back().pid = kPid;
    report.processes.back().comm = "orders-api";
    report.processes.back().threads_mean.on_cpu = 1;
  }
  const SectionsReport& first() { return report.locks.front().sections.value(); }

  FakeSymbolizer symbols;
  Report report;
};

TEST_F(Sections, UtilisationIsRateTimesHold) {
  report.locks = {waited_for(kLedger)};
  add_sections(report, {taken(kLedger, 40'000, 20)}, 10, symbols);
  EXPECT_NEAR(first().utilisation.value(), 0.8, 1e-9);
  EXPECT_NEAR(first().ceiling_per_s.value(), 50'000, 1e-6);
  EXPECT_EQ(first().threads, 4U);
  EXPECT_FALSE(first().bounds_only);
  // (4 - 2.5 waiting) / 40,000 = 37.5 us a round, of which 20 are the hold: 37.5 / 20.
  EXPECT_NEAR(first().ceiling_threads.value(), 1.875, 1e-9);
}

TEST_F(Sections, HoldersAreNamedAndShareAllOfTheTime) {
  report.locks = {waited_for(kLedger)};
  add_sections(report, {taken(kLedger, 40'000, 20)}, 10, symbols);
  ASSERT_EQ(first().holders.size(), 2U);
  EXPECT_EQ(first().holders[0].stack.frames[1].function, "orders::lookup");
  EXPECT_EQ(first().holders[0].stack.own, 1U);
  double sum = 0;
  for (const Holders& holder : first().holders) sum += holder.share;
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST_F(Sections, HowItWasGotDoesNotTellHoldersApart) {
  symbols.add_stack(23, {"pthread_mutex_trylock", "orders::lookup", "clerk"});
  symbols.add_stack(24, {"pthread_mutex_trylock", "orders::refresh", "clerk"});
  report.locks = {waited_for(kLedger)};
  LockSections seen = taken(kLedger, 40'000, 20);
  seen.holders[1].stack = 23;
  seen.holders.push_back(
      {.stack = 24, .share = 0, .held_ns = {}, .acquisitions_per_s = 1, .hold = {}});
  add_sections(report, {seen}, 10, symbols);
  ASSERT_EQ(first().holders.size(), 2U);
  EXPECT_NEAR(first().holders[0].share, 1, 1e-9);
  EXPECT_EQ(first().holders[1].stack.frames[1].function, "orders::refresh");
}

TEST_F(Sections, OneAtATimeCannotHoldItMoreThanAlways) {
  report.locks = {waited_for(kLedger)};
  add_sections(report, {taken(kLedger, 51'000, 20)}, 10, symbols);
  EXPECT_DOUBLE_EQ(first().utilisation.value(), 1);
}

TEST_F(Sections, ReadersOverlapAndHaveNoCeiling) {
  report.locks = {waited_for(kLedger)};
  report.locks[0].kind = LockKind::kRwlock;
  LockSections seen = taken(kLedger, 100'000, 20);
  seen.is_rwlock = true;
  seen.read_share = 0.9;
  add_sections(report, {seen}, 10, symbols);
  EXPECT_NEAR(first().utilisation.value(), 2, 1e-9);
  EXPECT_FALSE(first().ceiling_per_s);
  EXPECT_NEAR(first().read_share.value(), 0.9, 1e-9);
}

TEST_F(Sections, ProcessesThatShareALockAddUp) {
  report.locks = {waited_for(0)};
  report.locks[0].pids = {kPid, 4343};
  report.locks[0].places = {{.pid = kPid, .address = 0x7000}, {.pid = 4343, .address = 0x9000}};
  const LockSections here = taken(0x7000, 10'000, 20);
  LockSections there = taken(0x9000, 30'000, 10);
  there.pid = 4343;
  add_sections(report, {here, there}, 10, symbols);
  const SectionsReport& sections = first();
  EXPECT_NEAR(sections.acquisitions_per_s->estimate, 40'000, 1e-6);
  EXPECT_NEAR(sections.utilisation.value(), 0.2 + 0.3, 1e-9);
  EXPECT_NEAR(sections.hold_mean_ns->estimate, 12'500, 1e-6);
  EXPECT_EQ(sections.threads, 8U);
  EXPECT_EQ(sections.hold->count, 2000U);
  // Independent: sqrt(200^2 + 600^2) to either side.
  EXPECT_NEAR(sections.acquisitions_per_s->high - 40'000, std::hypot(200, 600), 1e-6);
  EXPECT_NEAR(sections.holders[0].share + sections.holders[1].share, 1, 1e-9);
}

TEST_F(Sections, AnotherProcesssLockAtTheSameAddressIsAnother) {
  report.locks = {waited_for(kLedger)};
  LockSections other = taken(kLedger, 10'000, 1);
  other.pid = 4343;
  add_sections(report, {other}, 10, symbols);
  EXPECT_FALSE(report.locks[0].sections);
}

TEST_F(Sections, AWordInsideTheMutexBelongsToIt) {
  report.locks = {waited_for(kLedger + 4)};
  add_sections(report, {taken(kLedger, 10'000, 1)}, 10, symbols);
  EXPECT_TRUE(report.locks[0].sections);
}

TEST_F(Sections, TheNextLockDoesNot) {
  report.locks = {waited_for(kLedger + 40)};
  add_sections(report, {taken(kLedger, 10'000, 1)}, 10, symbols);
  EXPECT_FALSE(report.locks[0].sections);
}

TEST_F(Sections, WhatNobodyWaitsForHasNoRow) {
  report.verdict.not_seen = {"uncontended acquisitions (no futex call)"};
  add_sections(report, {taken(0x2000, 500'000, 0.05), taken(0x3000, 1'000, 1)}, 10, symbols);
  EXPECT_TRUE(report.locks.empty());
  EXPECT_EQ(report.verdict.not_seen[0], "uncontended acquisitions of other locks than pthread's");
}

TEST_F(Sections, WhatIsHeldMuchHasARowThoughNobodyWaits) {
  symbols.objects[0x2000] = {.name = "orders::rates", .object = "bss orders+0x40"};
  add_sections(report, {taken(0x2000, 20'000, 30)}, 10, symbols);
  ASSERT_EQ(report.locks.size(), 1U);
  EXPECT_EQ(report.locks[0].name, "orders::rates");
  EXPECT_EQ(report.locks[0].level, Level::kFine);
  EXPECT_EQ(report.locks[0].comm, "orders-api");
  EXPECT_NEAR(first().utilisation.value(), 0.6, 1e-9);
}

TEST_F(Sections, OfNothingSeenNothingIsSaid) {
  report.locks = {waited_for(kLedger)};
  report.verdict.not_seen = {"uncontended acquisitions (no futex call)"};
  add_lock_sums(report, {}, 10, symbols);
  EXPECT_FALSE(report.locks[0].sections);
  EXPECT_EQ(report.verdict.not_seen[0], "uncontended acquisitions (no futex call)");
}

// --- bounds ---

TEST(SectionBounds, EachWakeIsARelease) {
  Report report;
  report.interval_s = 5;
  LockReport lock = waited_for(kLedger);
  lock.primitive = "std::sync::Mutex";
  lock.releasers = {{.share = 0.6, .wakes = 30'000, .stack = {}},
                    {.share = 0.4, .wakes = 20'001, .stack = {}}};
  report.locks = {lock};
  add_bounds(report);
  const SectionsReport& bounds = report.locks[0].sections.value();
  EXPECT_TRUE(bounds.bounds_only);
  EXPECT_DOUBLE_EQ(bounds.acquisitions_per_s->low, 10'000);
  EXPECT_TRUE(std::isinf(bounds.acquisitions_per_s->high));
  EXPECT_DOUBLE_EQ(bounds.hold_mean_ns->high, 100'000);
  EXPECT_FALSE(bounds.utilisation) << "while somebody waits it may be free";
  EXPECT_FALSE(bounds.ceiling_per_s);
}

TEST(SectionBounds, WhereARowMayBeSeveralLocksNothingIsKnownOfTheHold) {
  Report report;
  report.interval_s = 5;
  LockReport lock = waited_for(0);
  lock.primitive = "parking_lot::Mutex";
  lock.per_waiter_words = true;
  lock.releasers = {{.share = 1, .wakes = 1001, .stack = {}}};
  report.locks = {lock};
  add_bounds(report);
  EXPECT_FALSE(report.locks[0].sections.value().hold_mean_ns);
}

TEST(SectionBounds, OfOthersNothingIsCertain) {
  for (const char* primitive : {"pthread mutex", "absl::Mutex", ""}) {
    Report report;
    report.interval_s = 5;
    LockReport lock = waited_for(kLedger);
    lock.primitive = primitive;
    lock.releasers = {{.share = 1, .wakes = 1001, .stack = {}}};
    report.locks = {lock};
    add_bounds(report);
    EXPECT_FALSE(report.locks[0].sections) << primitive;
  }
}

// --- what if ---

TEST_F(Sections, ASaturatedLockIsWorthSplitting) {
  report.locks = {waited_for(kLedger, 2.8)};
  add_lock_sums(report, {taken(kLedger, 48'000, 20)}, 10, symbols);
  const std::vector<WhatIf>& lines = first().what_if;
  ASSERT_FALSE(lines.empty());
  EXPECT_TRUE(lines.front().change.starts_with("split into ")) << lines.front().change;
  for (const WhatIf& line : lines) {
    EXPECT_GE(line.predicted_per_s, 1.1 * 48'000) << line.change;
    EXPECT_LE(line.low, line.predicted_per_s) << line.change;
    EXPECT_GE(line.high, line.predicted_per_s) << line.change;
    EXPECT_FALSE(line.assumes.empty());
  }
}

TEST_F(Sections, NothingIsPromisedForALockThatIsHardlyHeld) {
  report.locks = {waited_for(kLedger, 0.02)};
  add_lock_sums(report, {taken(kLedger, 1'000, 2)}, 10, symbols);
  EXPECT_TRUE(first().what_if.empty());
}

TEST_F(Sections, NoMoreIsPromisedThanTheCpusCanDo) {
  report.cpus = 2;
  report.processes[0].threads_mean.on_cpu = 1.6;
  report.locks = {waited_for(kLedger, 2.8)};
  add_lock_sums(report, {taken(kLedger, 48'000, 20)}, 10, symbols);
  for (const WhatIf& line : first().what_if) EXPECT_LE(line.predicted_per_s, 60'000.1);
}

TEST_F(Sections, ReadersAreOnlyAssumed) {
  report.locks = {waited_for(kLedger, 2.8)};
  add_lock_sums(report, {taken(kLedger, 48'000, 20)}, 10, symbols);
  const auto& lines = first().what_if;
  EXPECT_TRUE(std::ranges::any_of(lines, [](const WhatIf& line) {
    return line.change == "a reader-writer lock, if orders::lookup only reads";
  }));
}

TEST_F(Sections, AShareHasItsInterval) {
  const auto interval_with = [&](std::vector<double> lookup, std::vector<double> refresh) {
    report.locks = {waited_for(kLedger, 2.8)};
    LockSections seen = taken(kLedger, 48'000, 20);
    seen.holders[0].held_ns = std::move(lookup);
    seen.holders[1].held_ns = std::move(refresh);
    add_lock_sums(report, {seen}, 10, symbols);
    return first().holders[0].share_interval.value_or(Estimate{});
  };
  const auto names_reader = [&] {
    return std::ranges::any_of(first().what_if, [](const WhatIf& line) {
      return line.change.starts_with("a reader-writer lock");
    });
  };
  const Estimate narrow = interval_with({75, 74, 76, 75, 75, 75}, {25, 26, 24, 25, 25, 25});
  EXPECT_NEAR(narrow.low, 0.75 - 0.0066, 0.0005);
  EXPECT_NEAR(narrow.high, 0.75 + 0.0066, 0.0005);
  EXPECT_TRUE(names_reader());
  const Estimate wide = interval_with({90, 20, 90, 60, 90, 60}, {10, 80, 10, 40, 10, 40});
  EXPECT_GT(wide.high - wide.low, 0.4);
  EXPECT_FALSE(names_reader()) << "what readers do is not known";
  EXPECT_EQ(interval_with({300, 0, 0, 0}, {0, 100, 100, 100}).high, 0) << "nothing is known of it";
  EXPECT_EQ(interval_with({300}, {100}).high, 0) << "one window";
}

// Whether a process that was hardly met holds it there, too, is not known.
TEST_F(Sections, AShareIsAsUncertainAsThatOfEachProcess) {
  report.locks = {waited_for(kLedger, 2.8)};
  report.locks[0].places = {{.pid = kPid, .address = kLedger},
                            {.pid = kPid + 1, .address = kLedger}};
  const LockSections met = taken(kLedger, 48'000, 20);
  LockSections hardly = taken(kLedger, 48'000, 20);
  hardly.pid = kPid + 1;
  hardly.holders.resize(1);
  hardly.holders[0] = {
      .stack = 23, .share = 1, .held_ns = {9}, .acquisitions_per_s = 1, .hold = {}};
  add_lock_sums(report, {met, hardly}, 10, symbols);
  ASSERT_GE(first().holders.size(), 2U);
  for (const Holders& holder : first().holders) EXPECT_FALSE(holder.share_interval);
}

TEST_F(Sections, WhatIsHardlyKnownPredictsNothing) {
  report.locks = {waited_for(kLedger, 2.8)};
  LockSections seen = taken(kLedger, 48'000, 20);
  seen.acquisitions_per_s.low = 0;
  add_lock_sums(report, {seen}, 10, symbols);
  EXPECT_TRUE(first().what_if.empty());
}

TEST_F(Sections, WhatDoesNotFitIsNotPredicted) {
  report.locks = {waited_for(kLedger, 0)};
  // Held by four threads at once, says the product: not this model's lock.
  add_lock_sums(report, {taken(kLedger, 200'000, 20)}, 10, symbols);
  EXPECT_TRUE(first().what_if.empty());
}

}  // namespace
}  // namespace cw
