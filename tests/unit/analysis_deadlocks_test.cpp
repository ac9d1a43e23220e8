#include "analysis/deadlocks.h"

#include <gtest/gtest.h>

#include "analysis/analyse.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

constexpr std::uint64_t kLockA = 0x1000;
constexpr std::uint64_t kLockB = 0x2000;

// Thread 71 holds A and waits for B, thread 72 the other way round.
class Deadlocks : public testing::Test {
 protected:
  Deadlocks() {
    symbolizer_.owners = {{kLockA, 71}, {kLockB, 72}};
    symbolizer_.asleep_on = {{71, kLockB}, {72, kLockA}};
    symbolizer_.objects[kLockA] = {.name = "lock_a", .object = "bss orders+0x10"};
    symbolizer_.objects[kLockB] = {.name = "lock_b", .object = "bss orders+0x20"};
    symbolizer_.add_stack(11, {"pthread_mutex_lock", "take_both", "main"});
  }

  static Interval hanging(std::uint64_t since) {
    return interval_of({stuck_word(1, kLockA, 1), stuck_word(2, kLockB, 1)},
                       {wait_on(2, 71, since), wait_on(1, 72, since)});
  }
  Report run(const Interval& interval) {
    return analyse(interval, {sample_of(3)}, {sample_of(3)}, {}, memory_, symbolizer_);
  }

  FakeSymbolizer symbolizer_;
  Memory memory_;
};

TEST_F(Deadlocks, ACycleIsACulpritAndSaysWho) {
  const Report report = run(hanging(kBegin - kSecond));
  EXPECT_EQ(report.verdict.level, Level::kCulprit);
  EXPECT_EQ(report.verdict.summary, "deadlock: 2 threads wait for each other and can never go on");
  for (const LockReport& lock : report.locks) EXPECT_EQ(lock.cause, "stuck");
  ASSERT_EQ(report.deadlocks.size(), 1U);
  const auto& cycle = report.deadlocks[0].cycle;
  ASSERT_EQ(cycle.size(), 2U);
  EXPECT_EQ(cycle[0].tid, 71U);
  EXPECT_EQ(cycle[0].held_by, 72U);
  EXPECT_EQ(cycle[0].waits_for, kLockB);
  EXPECT_EQ(cycle[0].name, "lock_b");
  EXPECT_EQ(cycle[0].pid, kPid);
  EXPECT_EQ(cycle[0].waiting_ns, 6 * kSecond);
  EXPECT_EQ(cycle[0].stack.frames.size(), 3U);
  EXPECT_EQ(cycle[1].held_by, 71U);
}

TEST_F(Deadlocks, BegunInTheIntervalAreFoundToo) {
  EXPECT_EQ(run(hanging(kEnd - kSecond)).deadlocks.size(), 1U);
  EXPECT_TRUE(run(hanging(kEnd - kMs)).deadlocks.empty()) << "too young to be worth asking about";
}

TEST_F(Deadlocks, AThreadThatWaitsForItselfIsOne) {
  symbolizer_.owners = {{kLockA, 72}};
  const Report report =
      run(interval_of({stuck_word(1, kLockA, 1)}, {wait_on(1, 72, kBegin - kSecond)}));
  ASSERT_EQ(report.deadlocks.size(), 1U);
  EXPECT_EQ(report.deadlocks[0].cycle.size(), 1U);
  EXPECT_EQ(report.deadlocks[0].cycle[0].held_by, 72U);
  EXPECT_EQ(report.verdict.summary,
            "deadlock: thread 72 clerk-2 waits for a mutex that it holds itself");
}

TEST_F(Deadlocks, AnOwnerThatIsFreeToGoOnIsNone) {
  symbolizer_.owners[kLockB] = 73;
  const Report report = run(hanging(kBegin - kSecond));
  EXPECT_TRUE(report.deadlocks.empty());
  EXPECT_EQ(report.locks.at(0).cause, "stuck");
  EXPECT_EQ(report.locks.at(0).level, Level::kSuspect);
}

TEST_F(Deadlocks, WhoWaitsBehindACycleIsNotPartOfIt) {
  Interval interval = hanging(kBegin - kSecond);
  interval.in_progress.push_back(wait_on(1, 70, kBegin - kSecond));
  symbolizer_.asleep_on[70] = kLockA;
  const Report report = run(interval);
  ASSERT_EQ(report.deadlocks.size(), 1U);
  EXPECT_EQ(report.deadlocks[0].cycle.size(), 2U);
}

TEST_F(Deadlocks, AThreadThatWokeBetweenTheLooksProvesNothing) {
  symbolizer_.wakes_between_looks = true;
  EXPECT_TRUE(run(hanging(kBegin - kSecond)).deadlocks.empty());
  symbolizer_.wakes_between_looks = false;
  symbolizer_.asleep_on[71] = kLockB + 64;  // on something else by now
  EXPECT_TRUE(run(hanging(kBegin - kSecond)).deadlocks.empty());
  symbolizer_.asleep_on.erase(71);  // with a timeout, or awake
  EXPECT_TRUE(run(hanging(kBegin - kSecond)).deadlocks.empty());
}

TEST_F(Deadlocks, WordsInAFileAreFoundWhereTheProcessHasThem) {
  Word shared = stuck_word(1, 0x40, 1);
  shared.key = {.scope = WordKey::Scope::kFile, .space = 1234, .device = 1, .address = 0x40};
  symbolizer_.addresses[shared.key] = kLockA;
  const Report report =
      run(interval_of({shared, stuck_word(2, kLockB, 1)},
                      {wait_on(2, 71, kBegin - kSecond), wait_on(1, 72, kBegin - kSecond, 0x00)}));
  ASSERT_EQ(report.deadlocks.size(), 1U);
  EXPECT_EQ(report.deadlocks[0].cycle[1].waits_for, kLockA);
}

}  // namespace
}  // namespace cw
