// What the calls of a window tell of each lock.
#include <gtest/gtest.h>

#include "analysis/section_windows.h"

namespace cw {
namespace {

constexpr std::uint64_t kLock = 0x1000;
constexpr std::uint64_t kOtherLock = 0x2000;
constexpr std::uint64_t kCondition = 0x3000;
constexpr SectionCosts kFree{};

SectionEvent at(std::uint64_t time_ns, SectionCall call, std::uint32_t tid = 1,
                std::uint64_t lock = kLock) {
  SectionEvent event;
  event.time_ns = time_ns;
  event.call = call;
  event.tid = tid;
  event.lock = lock;
  return event;
}

// A futex wait of the thread has ended since.
SectionEvent waited(SectionEvent event, std::uint64_t until_ns, std::uint64_t word) {
  event.waited_ns = until_ns;
  event.waited_on = word;
  event.slept = true;
  return event;
}

SectionEvent inner(SectionEvent event) {
  event.inner = true;
  return event;
}

SectionEvent taken(SectionEvent event) {
  event.taken = true;
  return event;
}

SectionEvent with_stack(SectionEvent event, StackId stack) {
  event.stack = stack;
  return event;
}

// From 10,000 to 110,000 ns.
SectionRecord record(std::vector<SectionEvent> events, std::vector<WaitingThread> waiting = {}) {
  return {.open_ns = 10'000,
          .length_ns = 100'000,
          .set = ProbeSet::kBoth,
          .stacks_one_in = 2,
          .events = std::move(events),
          .waiting = std::move(waiting)};
}

LockWindow lock_of(const SectionRecord& seen, const SectionCosts& costs = kFree,
                   std::uint64_t lock = kLock) {
  return sections_in(seen, costs).locks[lock];
}

TEST(SectionWindows, TakenAndLetGo) {
  const LockWindow lock =
      lock_of(record({at(20'000, SectionCall::kLock), at(21'000, SectionCall::kUnlock),
                      at(30'000, SectionCall::kLock, 2), at(33'000, SectionCall::kUnlock, 2)}));
  EXPECT_EQ(lock.asks, 2U);
  EXPECT_EQ(lock.releases, 2U);
  EXPECT_EQ(lock.begun, 2U);
  EXPECT_EQ(lock.contended, 0U);
  EXPECT_EQ(lock.held_ns, 4'000U);
  EXPECT_EQ(lock.holds.count(), 2U);
  EXPECT_EQ(lock.threads.size(), 2U);
  EXPECT_FALSE(lock.is_rwlock);
}

TEST(SectionWindows, EventsComeInNoOrder) {
  const LockWindow lock =
      lock_of(record({at(21'000, SectionCall::kUnlock), at(20'000, SectionCall::kLock)}));
  EXPECT_EQ(lock.held_ns, 1'000U);
}

// Asked at 20,000, had at 50,000.
TEST(SectionWindows, WaitedFor) {
  const LockWindow lock = lock_of(record(
      {at(20'000, SectionCall::kLock), waited(at(52'000, SectionCall::kUnlock), 50'000, kLock)}));
  EXPECT_EQ(lock.held_ns, 2'000U);
  EXPECT_EQ(lock.contended, 1U);
}

TEST(SectionWindows, AWaitForSomethingElseMeanwhileIsPartOfTheHold) {
  const LockWindow lock = lock_of(record(
      {at(20'000, SectionCall::kLock), waited(at(52'000, SectionCall::kUnlock), 50'000, 0x9000)}));
  EXPECT_EQ(lock.held_ns, 32'000U);
  EXPECT_EQ(lock.contended, 0U);
}

// Another lock within it, waited for too: each has its own wait.
TEST(SectionWindows, Nested) {
  const SectionRecord seen =
      record({at(20'000, SectionCall::kLock),
              waited(at(31'000, SectionCall::kLock, 1, kOtherLock), 30'000, kLock),
              waited(at(45'000, SectionCall::kUnlock, 1, kOtherLock), 40'000, kOtherLock),
              at(50'000, SectionCall::kUnlock)});
  EXPECT_EQ(lock_of(seen).held_ns, 20'000U);
  EXPECT_EQ(lock_of(seen, kFree, kOtherLock).held_ns, 5'000U);
}

TEST(SectionWindows, AskedBeforeTheWindowAndHadInIt) {
  const LockWindow lock =
      lock_of(record({waited(at(25'000, SectionCall::kUnlock), 20'000, kLock)}));
  EXPECT_EQ(lock.held_ns, 5'000U);
  EXPECT_EQ(lock.contended, 1U);
  EXPECT_EQ(lock.begun_before, 0U);
}

TEST(SectionWindows, CutAtBothEnds) {
  const LockWindow lock =
      lock_of(record({at(20'000, SectionCall::kUnlock), at(100'000, SectionCall::kLock, 2)}));
  EXPECT_EQ(lock.releases, 1U);
  EXPECT_EQ(lock.begun_before, 1U);
  EXPECT_EQ(lock.begun, 1U);
  EXPECT_EQ(lock.cut.count(), 1U);
  EXPECT_EQ(lock.cut_ns, 10'000U);
  EXPECT_EQ(lock.held_ns, 0U);
}

TEST(SectionWindows, WhoStillWaitsDoesNotHold) {
  const LockWindow lock =
      lock_of(record({at(100'000, SectionCall::kLock, 2)}, {{.tid = 2, .address = kLock}}));
  EXPECT_EQ(lock.begun, 0U);
  EXPECT_EQ(lock.cut.count(), 0U);
}

TEST(SectionWindows, FailedTriesAreNoAcquisitions) {
  const LockWindow lock = lock_of(
      record({taken(at(20'000, SectionCall::kTryLock)), taken(at(30'000, SectionCall::kTryLock)),
              at(40'000, SectionCall::kTryLock), at(45'000, SectionCall::kUnlock),
              taken(at(105'000, SectionCall::kTryLock))}));
  EXPECT_EQ(lock.asks, 4U);
  EXPECT_EQ(lock.releases, 1U);
  EXPECT_EQ(lock.begun, 1U);
  EXPECT_EQ(lock.held_ns, 5'000U);
}

TEST(SectionWindows, OfARecursiveMutexTheOutermostPair) {
  const LockWindow lock =
      lock_of(record({at(20'000, SectionCall::kLock), inner(at(21'000, SectionCall::kLock)),
                      inner(at(22'000, SectionCall::kUnlock)), at(30'000, SectionCall::kUnlock)}));
  EXPECT_EQ(lock.releases, 1U);
  EXPECT_EQ(lock.held_ns, 10'000U);
}

// Waiting on a condition lets the mutex go, and takes it again.
TEST(SectionWindows, AWaitOnAConditionIsNoHold) {
  SectionEvent wait = at(30'000, SectionCall::kConditionWait);
  wait.condition = kCondition;
  const LockWindow lock =
      lock_of(record({at(20'000, SectionCall::kLock), wait,
                      waited(at(95'000, SectionCall::kUnlock), 90'000, kCondition + 40)}));
  EXPECT_EQ(lock.releases, 2U);
  EXPECT_EQ(lock.held_ns, 15'000U);
  EXPECT_EQ(lock.contended, 0U);
}

TEST(SectionWindows, AfterAConditionTheMutexMayHaveToBeWaitedFor) {
  SectionEvent wait = at(30'000, SectionCall::kConditionWait);
  wait.condition = kCondition;
  const LockWindow lock =
      lock_of(record({wait, waited(at(95'000, SectionCall::kUnlock), 93'000, kLock)}));
  EXPECT_EQ(lock.begun_before, 1U);
  EXPECT_EQ(lock.held_ns, 2'000U);
  EXPECT_EQ(lock.contended, 1U);
}

TEST(SectionWindows, WhoWaitsOnAConditionAtTheEndDoesNotHold) {
  SectionEvent wait = at(30'000, SectionCall::kConditionWait);
  wait.condition = kCondition;
  EXPECT_EQ(lock_of(record({at(20'000, SectionCall::kLock), wait})).cut.count(), 0U);
}

TEST(SectionWindows, ReadersAndWriters) {
  const LockWindow lock =
      lock_of(record({at(20'000, SectionCall::kRead), at(21'000, SectionCall::kRead, 2),
                      at(22'000, SectionCall::kReadWriteUnlock),
                      at(23'000, SectionCall::kReadWriteUnlock, 2), at(30'000, SectionCall::kWrite),
                      waited(at(45'000, SectionCall::kReadWriteUnlock), 40'000, kLock + 12)}));
  EXPECT_TRUE(lock.is_rwlock);
  EXPECT_EQ(lock.begun, 3U);
  EXPECT_EQ(lock.reads, 2U);
  EXPECT_EQ(lock.contended, 1U);
  EXPECT_EQ(lock.held_ns, 9'000U);
}

// musl's pthread_mutex_lock goes on to pthread_mutex_timedlock and to pthread_mutex_trylock.
TEST(SectionWindows, OneCallThatPassesThreeProbes) {
  const LockWindow lock =
      lock_of(record({with_stack(at(20'000, SectionCall::kLock), 7), at(20'500, SectionCall::kLock),
                      taken(at(21'000, SectionCall::kTryLock)),
                      taken(waited(at(41'000, SectionCall::kTryLock), 40'000, kLock + 4)),
                      waited(at(51'000, SectionCall::kTryLock), 50'000, kLock + 4),
                      at(55'000, SectionCall::kUnlock)}));
  EXPECT_EQ(lock.releases, 1U);
  EXPECT_EQ(lock.begun, 1U);
  EXPECT_EQ(lock.contended, 1U);
  EXPECT_EQ(lock.held_ns, 4'000U);
  EXPECT_EQ(lock.holders.at(7).acquisitions, 1U);
}

// The halves of two runs, two whole ones between and a stack.
TEST(SectionWindows, TheProbesOwnTimeIsTakenOut) {
  const SectionCosts costs{.hit_ns = 700, .floor_ns = 500, .stack_ns = 2'000, .cold = {}};
  const SectionRecord seen = record(
      {at(20'000, SectionCall::kLock), with_stack(at(25'000, SectionCall::kLock, 1, kOtherLock), 7),
       at(27'000, SectionCall::kUnlock, 1, kOtherLock), at(30'000, SectionCall::kUnlock)});
  EXPECT_EQ(lock_of(seen, costs).held_ns, 10'000U - 500 - 2 * 700 - 2'000);
  EXPECT_EQ(lock_of(seen, costs, kOtherLock).held_ns, 1'500U);
  const SectionRecord nothing =
      record({at(20'000, SectionCall::kLock), at(20'300, SectionCall::kUnlock)});
  EXPECT_EQ(lock_of(nothing, costs).held_ns, 0U) << "never negative";
}

// Half way between the logarithms of two pauses, half of what is between.
TEST(SectionWindows, HitsAreColderAfterAPause) {
  const SectionCosts costs{.hit_ns = 0,
                           .floor_ns = 500,
                           .stack_ns = 0,
                           .cold = {{.pause_ns = 1'000},
                                    {.pause_ns = 4'000, .floor_more_ns = 200},
                                    {.pause_ns = 64'000, .floor_more_ns = 400}}};
  const auto held_after = [&](std::uint64_t pause_ns) {
    return lock_of(record({at(10'000 + pause_ns, SectionCall::kLock),
                           at(20'000 + pause_ns, SectionCall::kUnlock)}),
                   costs)
        .held_ns;
  };
  EXPECT_EQ(held_after(500), 10'000U - 500);
  EXPECT_EQ(held_after(2'000), 10'000U - 500 - 100);
  EXPECT_EQ(held_after(16'000), 10'000U - 500 - 300);
  EXPECT_EQ(held_after(80'000), 10'000U - 500 - 400);
  const SectionRecord after_wait = record(
      {at(20'000, SectionCall::kLock), waited(at(90'000, SectionCall::kUnlock), 80'000, kLock)});
  EXPECT_EQ(lock_of(after_wait, costs).held_ns, 10'000U - 250) << "begins with no hit";
}

// 50 hits of each of two threads in 100 us: 2 us apart, half way between 1 and 4.
TEST(SectionWindows, ColdHitsCostMore) {
  const SectionCosts costs{.hit_ns = 1'000,
                           .floor_ns = 0,
                           .stack_ns = 300,
                           .cold = {{.pause_ns = 1'000}, {.pause_ns = 4'000, .more_ns = 200}}};
  std::vector<SectionEvent> events;
  for (std::uint64_t i = 0; i < 50; ++i)
    for (const std::uint32_t tid : {1U, 2U})
      events.push_back(
          at(10'000 + 2'000 * i, i % 2 == 0 ? SectionCall::kLock : SectionCall::kUnlock, tid));
  events[0] = with_stack(events[0], 7);
  const SectionRecord seen = record(std::move(events));
  EXPECT_NEAR(cold_hits_ns(seen, costs), 100 * 100, 1e-6);
  const SectionWindow window = sections_in(seen, costs);
  EXPECT_EQ(window.threads, 2U);
  EXPECT_NEAR(window.busiest_ns, 50 * 1'000 + 49 * 100 + 300, 1e-6) << "one with a stack";
  const LockWindow& lock = window.locks.at(kLock);
  EXPECT_NEAR(lock.calls_ns, 100 * 1'000 + 98 * 100 + 300, 1e-6);
  EXPECT_NEAR(lock.slowed, 0.55, 0.003) << "of 100 us";
  EXPECT_EQ(lock.within_ns, 0);
  EXPECT_EQ(cold_hits_ns(record({}), costs), 0);
}

TEST(SectionWindows, ProbesWithinAHold) {
  const SectionCosts costs{.hit_ns = 700, .floor_ns = 0, .stack_ns = 0, .cold = {}};
  const SectionWindow window = sections_in(
      record({at(20'000, SectionCall::kLock), at(22'000, SectionCall::kLock, 1, kOtherLock),
              at(24'000, SectionCall::kUnlock, 1, kOtherLock), at(30'000, SectionCall::kUnlock)}),
      costs);
  EXPECT_NEAR(window.locks.at(kLock).within_ns, 2 * 700, 1e-6);
  EXPECT_NEAR(window.locks.at(kOtherLock).within_ns, 0, 1e-6);
  EXPECT_NEAR(window.locks.at(kOtherLock).slowed, 4 * 700 / 100e3, 1e-6)
      << "all that its thread lost";
}

TEST(SectionWindows, HoldersBySampledStacks) {
  const LockWindow lock = lock_of(
      record({with_stack(at(20'000, SectionCall::kLock), 7), at(21'000, SectionCall::kUnlock),
              at(30'000, SectionCall::kLock), at(31'000, SectionCall::kUnlock),
              with_stack(at(100'000, SectionCall::kLock), 8)}));
  ASSERT_EQ(lock.holders.size(), 2U);
  EXPECT_EQ(lock.holders.at(7).completed, 1U);
  EXPECT_EQ(lock.holders.at(7).held_ns, 1'000U);
  EXPECT_EQ(lock.holders.at(8).completed, 0U);
  EXPECT_EQ(lock.holders.at(8).cut_ns, 10'000U);
}

TEST(SectionWindows, WithOneKindOfProbesNothingIsSaidOfHolds) {
  SectionRecord seen = record({at(20'000, SectionCall::kUnlock), at(21'000, SectionCall::kUnlock)});
  seen.set = kLettingGo;
  const LockWindow letting_go = lock_of(seen);
  EXPECT_EQ(letting_go.releases, 2U);
  EXPECT_EQ(letting_go.begun_before, 0U);
  seen.set = kAsking;
  seen.events = {at(20'000, SectionCall::kLock)};
  const LockWindow asking = lock_of(seen);
  EXPECT_EQ(asking.asks, 1U);
  EXPECT_EQ(asking.begun, 0U);
}

TEST(SectionWindows, OfVeryManyLocksTheBusiestAreKept) {
  std::vector<SectionEvent> events;
  events.reserve(2 * SectionWindow::kMostLocks);
  for (std::uint64_t i = 0; i < 2 * SectionWindow::kMostLocks; ++i)
    events.push_back(at(20'000 + i, SectionCall::kLock, 1, 0x10000 + i * 64));
  events.push_back(at(90'000, SectionCall::kLock));
  events.push_back(at(91'000, SectionCall::kUnlock));
  const SectionWindow window = sections_in(record(std::move(events)), kFree);
  EXPECT_EQ(window.locks.size(), SectionWindow::kMostLocks);
  EXPECT_TRUE(window.locks.contains(kLock));
}

}  // namespace
}  // namespace cw
