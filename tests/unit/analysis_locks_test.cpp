#include "analysis/locks.h"

#include <gtest/gtest.h>

#include <numeric>

#include "analysis/arithmetic.h"
#include "analysis/naming.h"
#include "analysis/runtime_frames.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

Lock only_lock(const Interval& interval) {
  const auto objects = group_words(interval);
  EXPECT_EQ(objects.size(), 1U);
  return measure(objects.front(), interval);
}

// 1,000 waits a second of 2 ms each: by Little's law 2 threads waiting on average.
TEST(Measure, SteadyStateFollowsLittlesLaw) {
  const Lock lock =
      only_lock(interval_of({WordOf{.waits = 5000, .each = 2 * kMs, .busy = 4 * kSecond}.make()}));
  EXPECT_DOUBLE_EQ(lock.report.waits_per_s, 1000);
  EXPECT_DOUBLE_EQ(lock.report.waiters_mean, 2.0);
  EXPECT_DOUBLE_EQ(lock.report.busy_share, 0.8);
  const double mean_s = static_cast<double>(lock.report.wait.sum_ns) /
                        static_cast<double>(lock.report.wait.count) / 1e9;
  EXPECT_DOUBLE_EQ(lock.report.waits_per_s * mean_s, lock.report.waiters_mean);
}

TEST(Measure, RunnableTimeNeverExceedsWaiting) {
  Word word = WordOf{.waits = 1, .each = kMs, .busy = kMs}.make();
  word.runnable_ns = 60 * kSecond;  // of a wait that began long before
  const Lock lock = only_lock(interval_of({word}));
  EXPECT_DOUBLE_EQ(lock.report.runnable_mean, lock.report.waiters_mean);
  EXPECT_EQ(lock.net_waiters(), 0);
  EXPECT_EQ(lock.net_busy(), 0);
  EXPECT_EQ(lock.report.runnable_ns, 60 * kSecond) << "reported as counted";
}

TEST(Measure, RunnableTimeIsTakenFromBusyInProportion) {
  Word word = WordOf{.waits = 10'000, .each = 2 * kMs, .busy = 5 * kSecond}.make();
  word.runnable_ns = 5 * kSecond;  // 1 of 4 threads
  const Lock lock = only_lock(interval_of({word}));
  EXPECT_DOUBLE_EQ(lock.net_waiters(), 3);
  EXPECT_DOUBLE_EQ(lock.net_busy(), 0.75);
}

TEST(Measure, BusyOfMergedWordsStaysAShare) {
  const WordOf first{.id = 1,
                     .address = 0x1028,
                     .op = kBitsetRealtime,
                     .value = ValueClass::kZero,
                     .waits = 5,
                     .each = kSecond,
                     .busy = 4 * kSecond};
  WordOf second = first;
  second.id = 2;
  second.address = 0x102c;
  const Lock lock = only_lock(interval_of({first.make(), second.make()}));
  EXPECT_EQ(lock.report.busy_share, 1);
  EXPECT_EQ(lock.report.waits, 10U);
  EXPECT_EQ(lock.report.wait.histogram.count(), 10U);
}

TEST(Measure, CountsDistinctWaitersOnce) {
  const Word word = WordOf{.waits = 10, .each = kMs, .threads = 3}.make();
  WaitInProgress counted = wait_on(1, 71, kEnd - kMs);
  counted.counted = true;
  const Lock lock = only_lock(interval_of({word}, {counted, wait_on(1, 72, kEnd - kMs)}));
  EXPECT_EQ(lock.report.threads, 4U);
  EXPECT_EQ(lock.report.in_progress, 2U);
}

// The maps are not read in an instant.
TEST(Measure, WaitThatBeganAfterTheIntervalIsNoRow) {
  const Word word = WordOf{.waits = 10, .each = kMs}.make();
  WaitInProgress later = wait_on(1, 71, kEnd + kMs);
  later.stack = 12;
  EXPECT_EQ(only_lock(interval_of({word}, {later})).waiters.size(), 1U);
  later.start_ns = kEnd - kMs;
  EXPECT_EQ(only_lock(interval_of({word}, {later})).waiters.size(), 2U);
}

TEST(Measure, OnlyWaitsFromBeforeToAfterSpanTheInterval) {
  const Word word = stuck_word(1, 0x1000, 2);
  const WaitInProgress old = wait_on(1, 71, kBegin - kSecond);
  const WaitInProgress young = wait_on(1, 72, kBegin + kSecond);
  EXPECT_TRUE(only_lock(interval_of({word}, {old})).spans_interval);
  EXPECT_FALSE(only_lock(interval_of({word}, {old, young})).spans_interval);
  WaitInProgress seeded = young;
  seeded.at_least = true;
  EXPECT_TRUE(only_lock(interval_of({word}, {old, seeded})).spans_interval);
  Word ended = word;
  ended.woken = 1;
  EXPECT_FALSE(only_lock(interval_of({ended}, {old})).spans_interval);
}

TEST(Measure, UnattributedIsWhatNoWakeWasChargedWith) {
  Word word = WordOf{.waits = 10, .each = 10 * kMs}.make();
  word.charged_ns = 75 * kMs;
  EXPECT_DOUBLE_EQ(only_lock(interval_of({word})).report.unattributed_share, 0.25);
  word.charged_ns = 900 * kMs;  // for waiting before the interval
  EXPECT_EQ(only_lock(interval_of({word})).report.unattributed_share, 0);
  word.waiting_ns = 0;
  EXPECT_EQ(only_lock(interval_of({word})).report.unattributed_share, 0);
}

TEST(Measure, SharesASharedWordAmongItsProcesses) {
  Word word = WordOf{.waits = 100, .each = 10 * kMs, .busy = kSecond}.make();
  word.key = {.scope = WordKey::Scope::kFile, .space = 1234, .device = 1, .address = 0x40};
  word.wait_sites[0].wait_ns = 750 * kMs;
  WaitSite other = word.wait_sites[0];
  other.image = 8;
  other.wait_ns = 250 * kMs;
  word.wait_sites.push_back(other);
  Snapshot after = snapshot_at(kEnd, {word});
  after.images[8] = image_of(8, 99, "worker");
  const Interval interval = difference(snapshot_at(kBegin), after);
  Lock lock = only_lock(interval);
  EXPECT_EQ(lock.report.pids, (std::vector<std::int32_t>{99, kPid}));
  EXPECT_EQ(lock.report.comm, "orders-api") << "of the one that waits most";
  EXPECT_DOUBLE_EQ(lock.waiting_by_pid[kPid], 0.15);
  EXPECT_DOUBLE_EQ(lock.waiting_by_pid[99], 0.05);
  EXPECT_EQ(lock.report.address, 0U);
  name_by_address(lock);
  EXPECT_EQ(lock.report.name, "shared inode 1234+0x40");
}

// Three stacks, two of which go through the same functions.
TEST(Naming, MergesStacksThatLookTheSameAndSharesAddToOne) {
  Word word = WordOf{.waits = 30, .each = 10 * kMs}.make();
  word.wait_sites[0].waits = 10;
  word.wait_sites[0].wait_ns = 100 * kMs;
  word.wait_sites[0].stack = 11;
  for (const StackId stack : {12U, 13U}) {
    WaitSite site = word.wait_sites[0];
    site.stack = stack;
    word.wait_sites.push_back(site);
  }
  word.wake_sites = {{.image = kImage, .stack = 21, .op = 0x81, .wakes = 5, .charged_ns = 30},
                     {.image = kImage, .stack = 22, .op = 0x81, .wakes = 5, .charged_ns = 70}};
  FakeSymbolizer symbolizer;
  symbolizer.add_stack(11, {"pthread_mutex_lock", "lookup"});
  symbolizer.add_stack(12, {"pthread_mutex_lock", "settle"});
  symbolizer.add_stack(13, {"pthread_mutex_lock", "lookup"});
  symbolizer.add_stack(21, {"refresh"});
  symbolizer.add_stack(22, {"settle"});
  Lock lock = only_lock(interval_of({word}, {wait_on(1, 71, kEnd - 100 * kMs)}));
  StackNames stacks(symbolizer);
  name_lock(lock, 10, Memory{}, symbolizer, stacks);

  const auto& waiters = lock.report.waiters;
  ASSERT_EQ(waiters.size(), 2U);
  EXPECT_EQ(waiters[0].stack.frames[waiters[0].stack.own].function, "lookup");
  EXPECT_EQ(waiters[0].waits, 20U);
  EXPECT_DOUBLE_EQ(waiters[0].share, 0.75) << "the wait in progress counts with its part";
  EXPECT_DOUBLE_EQ(waiters[0].share + waiters[1].share, 1);
  const auto& releasers = lock.report.releasers;
  ASSERT_EQ(releasers.size(), 2U);
  EXPECT_DOUBLE_EQ(releasers[0].share, 0.7);
  EXPECT_DOUBLE_EQ(releasers[0].share + releasers[1].share, 1);
}

// Of a busy lock not every wait has its stack taken; one that goes on is no caller of its own.
TEST(Measure, WaitInProgressWhoseStackWasNotWantedIsNoRow) {
  const Word word = WordOf{.waits = 100, .each = kMs}.make();
  WaitInProgress wait = wait_on(1, 71, kEnd - kSecond);
  wait.stack = 0;
  wait.weight = 0;
  const Lock left_to_others = only_lock(interval_of({word}, {wait}));
  ASSERT_EQ(left_to_others.waiters.size(), 1U);
  EXPECT_EQ(left_to_others.waiters[0].wait_ns, 100 * kMs);
  EXPECT_EQ(left_to_others.report.in_progress, 1U) << "counted all the same";
  wait.weight = 1;
  EXPECT_EQ(only_lock(interval_of({word}, {wait})).waiters.size(), 2U) << "its stack was lost";
}

TEST(Measure, WaitInProgressWhoseStackWasNotWantedIsARowWhereThereIsNoOther) {
  Word word;
  word.id = 1;
  WaitInProgress wait = wait_on(1, 71, kEnd - kSecond);
  wait.stack = 0;
  wait.weight = 0;
  EXPECT_EQ(only_lock(interval_of({word}, {wait})).waiters.size(), 1U);
}

TEST(Naming, AsksForFewStacksWhereThereAreMany) {
  Word word = WordOf{.waits = 5000, .each = 2500}.make();
  word.wait_sites.clear();
  for (StackId stack = 1; stack <= 5000; ++stack)
    word.wait_sites.push_back({.image = kImage,
                               .stack = stack,
                               .op = kWaitPrivate,
                               .value = ValueClass::kTwo,
                               .waits = 1,
                               .wait_ns = stack,
                               .on_own_stack = 0});
  FakeSymbolizer symbolizer;
  for (StackId stack = 1; stack <= 5000; ++stack)
    symbolizer.add_stack(stack, {"f" + std::to_string(stack)});
  Lock lock = only_lock(interval_of({word}));
  StackNames stacks(symbolizer);
  name_lock(lock, 3, Memory{}, symbolizer, stacks);
  EXPECT_EQ(lock.report.waiters.size(), 3U);
  EXPECT_LE(symbolizer.stacks_asked, 20);
  EXPECT_EQ(lock.report.waiters[0].stack.frames[0].function, "f5000");
}

TEST(Naming, RwlockRowsTellReadersFromWriters) {
  Word word = WordOf{.address = 0x1008,
                     .op = kBitsetRealtime,
                     .value = ValueClass::kThree,
                     .waits = 10,
                     .each = kMs}
                  .make();
  WaitSite writer = word.wait_sites[0];
  writer.value = ValueClass::kTwo;
  word.wait_sites.push_back(writer);
  FakeSymbolizer symbolizer;
  Lock lock = only_lock(interval_of({word}));
  StackNames stacks(symbolizer);
  name_lock(lock, 10, Memory{}, symbolizer, stacks);
  ASSERT_EQ(lock.report.waiters.size(), 2U);
  EXPECT_EQ(lock.report.waiters[0].mode, "read");
  EXPECT_EQ(lock.report.waiters[1].mode, "write");
}

TEST(Naming, SkipsTheLocksMachineryButNotTheProgram) {
  FakeSymbolizer symbolizer;
  symbolizer.add_stack(1, {"___pthread_mutex_lock", "std::mutex::lock()", "free_orders(int)"});
  symbolizer.add_stack(2, {"futex_wait", "malloc"});
  EXPECT_EQ(first_own_frame(symbolizer.stacks[1]), 2U);
  EXPECT_EQ(first_own_frame(symbolizer.stacks[2]), 1U) << "nothing else there: the outermost";
  Stack libc = symbolizer.stacks[2];
  for (Frame& frame : libc.frames)
    frame = {.function = "",
             .module = "libc.so.6",
             .build_id = {},
             .offset = 1,
             .file = {},
             .line = {},
             .inlined = false};
  libc.frames.push_back({.function = "",
                         .module = "orders",
                         .build_id = {},
                         .offset = 2,
                         .file = {},
                         .line = {},
                         .inlined = false});
  EXPECT_EQ(first_own_frame(libc), 2U);
}

std::string waiting_of(double waiters, std::uint64_t threads, bool goroutines = false) {
  LockReport lock;
  lock.waiters_mean = waiters;
  lock.goroutines = goroutines;
  return some_of(lock, threads);
}

TEST(Arithmetic, NoMoreThreadsWaitThanThereAre) {
  EXPECT_EQ(waiting_of(2.5, 14), "2.5 of 14 threads");
  EXPECT_EQ(waiting_of(456.8, 403), "456.8 threads");  // they come and go
  EXPECT_EQ(waiting_of(9.4, 9), "9.4 threads");
  EXPECT_EQ(waiting_of(0.3, 0), "0.30 threads");  // not known how many there are
  EXPECT_EQ(waiting_of(15, 0, true), "15.0 goroutines");
}

}  // namespace
}  // namespace cw
