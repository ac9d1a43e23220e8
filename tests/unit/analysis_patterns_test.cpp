// Known mistakes: told when the evidence is there, and only then.
#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/patterns/patterns.h"
#include "output_fixtures.h"

namespace cw {
namespace {

using test::ledger;
using test::stack_of;

// A guilty lock that shows no pattern: the two who wait for it and the two who let go differ
// little.
LockReport plain() {
  LockReport lock = ledger();
  lock.waiters.resize(1);
  lock.releasers.resize(1);
  return lock;
}

std::vector<std::string> patterns_of(LockReport lock, Report report = {}) {
  report.interval_s = 5;
  report.locks.insert(report.locks.begin(), std::move(lock));
  add_patterns(report);
  std::vector<std::string> names;
  for (const Pattern& pattern : report.locks.front().patterns) {
    EXPECT_FALSE(pattern.evidence.empty());
    names.push_back(pattern.name);
  }
  return names;
}

using Names = std::vector<std::string>;

OwnerLooks asleep(const std::string& call, std::uint64_t times, std::uint64_t owned = 20) {
  OwnerLooks looks;
  looks.looks = 20;
  looks.owned = owned;
  if (times != 0) looks.asleep_in = {{call, times}};
  return looks;
}

TEST(Patterns, WithoutEvidenceThereIsNone) {
  EXPECT_EQ(patterns_of(plain()), Names{});
}

TEST(Patterns, TheEvidenceIsAdvice) {
  Report report;
  report.interval_s = 5;
  report.locks = {plain()};
  report.locks[0].owner_looks = asleep("fsync", 12);
  add_patterns(report);
  EXPECT_EQ(report.locks[0].advice.back(), report.locks[0].patterns[0].evidence);
  EXPECT_EQ(
      report.locks[0].patterns[0].evidence,
      "in 12 of 20 looks in which a thread had it, it slept in fsync: prepare under the lock, "
      "do the I/O without it");
}

TEST(Patterns, WhatTheOwnerSleepsInIsWhatItIsHeldAcross) {
  const auto with = [](const OwnerLooks& looks) {
    LockReport lock = plain();
    lock.owner_looks = looks;
    return patterns_of(lock);
  };
  EXPECT_EQ(with(asleep("clock_nanosleep", 15)), Names{"held_across_sleep"});
  EXPECT_EQ(with(asleep("recvfrom", 15)), Names{"held_across_io"});
  EXPECT_EQ(with(asleep("munmap", 15)), Names{"held_across_allocation"});
  EXPECT_EQ(with(asleep("fsync", 2)), Names{}) << "now and then is not often";
  EXPECT_EQ(with(asleep("fsync", 2, 2)), Names{}) << "two looks are too few";
  EXPECT_EQ(with(asleep("futex", 15)), Names{}) << "for what?";
}

TEST(Patterns, AnOwnerThatWaitsForTheAllocatorOrForAnotherLock) {
  LockReport lock = plain();
  lock.owner_looks = asleep("futex", 15);
  lock.owner_looks->waits_for = {{.kind = LockKind::kAllocator, .name = "main_arena", .looks = 14}};
  EXPECT_EQ(patterns_of(lock), Names{"held_across_allocation"});
  lock.owner_looks->waits_for = {{.kind = LockKind::kMutex, .name = "orders::book", .looks = 14}};
  EXPECT_EQ(patterns_of(lock), Names{"held_while_waiting"});
}

TEST(Patterns, AHerdIsWokenFromAConditionToQueueForTheMutex) {
  LockReport lock = plain();
  lock.waiters[0].share = 1;
  lock.waiters[0].stack = stack_of({{"pthread_cond_wait@@GLIBC_2.3.2"}, {"orders::serve"}});
  EXPECT_EQ(patterns_of(lock), Names{"thundering_herd"});
  // Outside of the lock's machinery a name says nothing.
  lock.waiters[0].stack = stack_of({{"pthread_mutex_lock"}, {"Pool::Condvar::wait_all"}});
  EXPECT_EQ(patterns_of(lock), Names{});
}

TEST(Patterns, AConvoyWaitsLongerThanTheQueueExplains) {
  LockReport lock = plain();  // 260 us a wait, 2.5 threads waiting
  SectionsReport& sections = lock.sections.emplace();
  sections.ceiling_per_s = 1;
  sections.hold_mean_ns = Estimate{.estimate = 5'000, .low = 4'900, .high = 5'100};
  EXPECT_EQ(patterns_of(lock), Names{"convoy"});
  Report crowded;
  crowded.processes = {test::orders_api()};
  crowded.processes[0].threads_mean.runnable = 4;
  EXPECT_EQ(patterns_of(lock, crowded), Names{}) << "who has it may lack a CPU";
  sections.hold_mean_ns = Estimate{.estimate = 60'000, .low = 59'000, .high = 61'000};
  EXPECT_EQ(patterns_of(lock), Names{}) << "(2.5 + 1) x 60 us are 210: that is a queue";
  sections.hold_mean_ns = Estimate{.estimate = 5'000, .low = 0, .high = 5'000};
  sections.bounds_only = true;
  EXPECT_EQ(patterns_of(lock), Names{}) << "a bound is no evidence";
}

TEST(Patterns, APauseIsFewWakesThatEndMuchWaiting) {
  LockReport lock = plain();
  lock.releasers = {{.share = 0.9, .wakes = 20, .stack = ledger().releasers[0].stack},
                    {.share = 0.1, .wakes = 2'000, .stack = ledger().releasers[1].stack}};
  EXPECT_EQ(patterns_of(lock), Names{"pause"});
  SectionsReport& sections = lock.sections.emplace();
  sections.ceiling_per_s = 1;
  sections.hold_mean_ns = Estimate{.estimate = 5'000, .low = 4'900, .high = 5'100};
  EXPECT_EQ(patterns_of(lock), Names{"pause"}) << "long waits are the pause's, not a convoy's";
  lock.sections.reset();
  lock.unattributed_share = 0.8;
  EXPECT_EQ(patterns_of(lock), Names{}) << "of a fifth of the waiting nothing follows";
  lock.unattributed_share = 0;
  lock.releasers[0].wakes = 2'000;
  EXPECT_EQ(patterns_of(lock), Names{});
}

TEST(Patterns, AnInterpretersLockIsNoHerd) {
  LockReport lock = plain();
  lock.kind = LockKind::kGil;
  lock.name = "GIL";
  lock.waiters[0].share = 1;
  lock.waiters[0].stack = stack_of({{"pthread_cond_timedwait"}, {"take_gil"}});
  EXPECT_EQ(patterns_of(lock), Names{"interpreter_lock"});
}

TEST(Patterns, ReadersWaitOnlyForWriters) {
  LockReport lock = plain();
  lock.kind = LockKind::kRwlock;
  lock.waiters[0].share = 0.9;
  lock.waiters[0].mode = "read";
  EXPECT_EQ(patterns_of(lock), Names{"readers_behind_writers"});
  lock.waiters[0].mode = "write";
  EXPECT_EQ(patterns_of(lock), Names{});
}

TEST(Patterns, WritersStarveWhileReadersGetIn) {
  LockReport lock = plain();
  lock.kind = LockKind::kRwlock;
  lock.primitive = "pthread rwlock";
  lock.waiters[0].share = 1;
  lock.waiters[0].mode = "write";
  lock.waits = 10;
  lock.wait.sum_ns = 10 * 400'000'000ULL;
  SectionsReport& sections = lock.sections.emplace();
  sections.threads = 4;
  sections.read_share = 0.99;
  sections.acquisitions_per_s = Estimate{.estimate = 1'200, .low = 1'100, .high = 1'300};
  sections.hold_mean_ns = Estimate{.estimate = 2e6, .low = 1.9e6, .high = 2.1e6};
  EXPECT_EQ(patterns_of(lock).front(), "starved_writers");
  lock.wait.sum_ns = 10 * 4'000'000ULL;
  EXPECT_FALSE(std::ranges::count(patterns_of(lock), "starved_writers")) << "two holds are none";
  lock.cause = "stuck";
  EXPECT_EQ(patterns_of(lock).front(), "starved_writers");
  lock.sections->read_share = 0.4;
  EXPECT_FALSE(std::ranges::count(patterns_of(lock), "starved_writers")) << "by other writers";
}

TEST(Patterns, ReadersOnOneWordTakeManyAcquisitions) {
  LockReport lock = plain();
  lock.kind = LockKind::kRwlock;
  SectionsReport& sections = lock.sections.emplace();
  sections.threads = 8;
  sections.read_share = 0.98;
  sections.acquisitions_per_s = Estimate{.estimate = 2e6, .low = 1.9e6, .high = 2.1e6};
  EXPECT_EQ(patterns_of(lock), Names{"readers_on_one_word"});
  sections.acquisitions_per_s = Estimate{.estimate = 2e4, .low = 1.9e4, .high = 2.1e4};
  EXPECT_EQ(patterns_of(lock), Names{});
}

TEST(Patterns, OneLockUnderEverythingHasSeveralFunctionsAndNoRival) {
  EXPECT_EQ(patterns_of(ledger()), Names{"one_lock_under_everything"});
  Report report;
  report.locks = {test::rates()};
  report.locks[0].waiters_mean = 2;
  EXPECT_EQ(patterns_of(ledger(), report), Names{});
}

TEST(Patterns, AClassIsManySmallLocks) {
  LockReport lock = plain();
  lock.objects = 1203;
  EXPECT_EQ(patterns_of(lock), Names{"many_small_locks"});
}

TEST(Patterns, LackOfCpuIsNotTheLocksDoing) {
  LockReport lock = plain();
  lock.cause = "cpu starvation";
  lock.level = Level::kFine;
  EXPECT_EQ(patterns_of(lock), Names{"cpu_starvation"});
}

TEST(Patterns, ManyWaitsWithATinySumAreCleared) {
  LockReport lock = plain();
  lock.level = Level::kFine;
  lock.cause.clear();
  lock.waits = 60'000;
  lock.waits_per_s = 12'000;
  lock.wait.sum_ns = 60'000 * 2'000ULL;
  lock.waiters_mean = 0.024;
  Report report;
  report.locks = {lock};
  add_patterns(report);
  ASSERT_EQ(report.locks[0].patterns.size(), 1U);
  ASSERT_EQ(report.verdict.cleared.size(), 1U);
  EXPECT_EQ(report.verdict.cleared[0],
            "mutex orders::ledger: 12,000 waits/s look bad, but x 2.0 us they are 0.02 threads "
            "waiting");
}

TEST(Patterns, NoFineLockIsAccused) {
  LockReport lock = ledger();
  lock.level = Level::kFine;
  lock.cause.clear();
  lock.waits_per_s = 10;
  lock.owner_looks = asleep("fsync", 20);
  EXPECT_EQ(patterns_of(lock), Names{});
}

}  // namespace
}  // namespace cw
