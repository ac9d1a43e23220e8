#include "analysis/classify.h"

#include <gtest/gtest.h>

#include "analysis/objects.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

struct Call {
  const char* what;
  std::uint16_t op;
  ValueClass value;
  std::uint32_t evidence;
  LockKind kind;
  bool sure;
  std::uint32_t offset;
};

class ClassifyCall : public testing::TestWithParam<Call> {};

TEST_P(ClassifyCall, IsWhatTheTableSays) {
  const Call& expected = GetParam();
  const Classification found = classify_call(expected.op, expected.value, expected.evidence);
  EXPECT_STREQ(name_of(found.kind), name_of(expected.kind)) << expected.what;
  EXPECT_EQ(found.sure, expected.sure) << expected.what;
  EXPECT_EQ(found.offset, expected.offset) << expected.what;
}

using enum ValueClass;
constexpr std::uint32_t kLocklike = kRepeats | kSteady;

INSTANTIATE_TEST_SUITE_P(
    Locks, ClassifyCall,
    testing::Values(
        Call{"glibc mutex", 0x80, kTwo, kAligned | kSteady, LockKind::kMutex, true, 0},
        Call{"process-shared mutex", 0x00, kTwo, kAligned, LockKind::kMutex, true, 0},
        Call{"timed mutex", 0x189, kTwo, kAligned | kLocklike, LockKind::kMutex, true, 0},
        Call{"clocklock", 0x89, kTwo, kAligned | kLocklike, LockKind::kMutex, true, 0},
        Call{"Rust mutex", 0x89, kTwo, kHalfAligned | kLocklike, LockKind::kMutex, true, 0},
        Call{"robust mutex", 0x00, kHighBit, kAligned, LockKind::kMutex, true, 0},
        Call{"std::atomic::wait", 0x00, kOther, kAligned | kMoves, LockKind::kEventcount, false, 0},
        Call{"PI mutex", 0x86, kZero, kAligned, LockKind::kMutex, true, 0},
        Call{"PI mutex, clock", 0x8d, kZero, kAligned, LockKind::kMutex, true, 0},
        Call{"musl mutex", 0x80, kHighBit, kHalfAligned, LockKind::kMutex, true, 4},
        Call{"rdlock", 0x189, kThree, kAligned, LockKind::kRwlock, true, 8},
        Call{"rdlock, shared", 0x109, kThree, kAligned, LockKind::kRwlock, true, 8},
        Call{"wrlock", 0x189, kThree, kHalfAligned, LockKind::kRwlock, true, 12},
        Call{"wrlock on the phase", 0x189, kTwo, kAligned | kBesideRwlock, LockKind::kRwlock, true,
             8},
        Call{"Rust RwLock", 0x89, kHighBit, kHalfAligned, LockKind::kRwlock, true, 0},
        Call{"Rust RwLock, writers", 0x89, kOther, kAfterRustRwlock | kMoves, LockKind::kRwlock,
             true, 4}));

INSTANTIATE_TEST_SUITE_P(
    Idle, ClassifyCall,
    testing::Values(
        Call{"condvar, second word", 0x189, kZero, kHalfAligned, LockKind::kCondvar, true, 44},
        Call{"condvar, first word", 0x189, kZero, kAligned | kBeforeCondvar, LockKind::kCondvar,
             true, 40},
        Call{"condvar or semaphore", 0x89, kZero, kAligned, LockKind::kCondvar, false, 0},
        Call{"requeue PI", 0x8b, kOther, kAligned, LockKind::kCondvar, true, 0},
        Call{"join", 0x109, kOther, kAligned, LockKind::kJoin, true, 0},
        Call{"Rust park", 0x89, kAllOnes, kAligned, LockKind::kPark, true, 0},
        Call{"Go note", 0x80, kZero, kAligned, LockKind::kUnknown, false, 0},
        Call{"barrier", 0x80, kOther, kHalfAligned | kMoves, LockKind::kBarrier, false, 4},
        Call{"barrier at round 2", 0x80, kTwo, kHalfAligned | kMoves, LockKind::kBarrier, false, 4},
        Call{"eventcount", 0x80, kOther, kAligned | kMoves, LockKind::kEventcount, false, 0},
        Call{"Rust condvar", 0x89, kOther, kAligned | kMoves, LockKind::kCondvar, false, 0},
        Call{"Rust condvar at 2", 0x89, kTwo, kAligned | kMoves | kRepeats, LockKind::kCondvar,
             false, 0},
        Call{"musl semaphore", 0x80, kHighBit, kAligned | kOnlyHighBit, LockKind::kSemaphore, false,
             0}));

INSTANTIATE_TEST_SUITE_P(
    NotKnown, ClassifyCall,
    testing::Values(
        Call{"80/2 at half alignment", 0x80, kTwo, kHalfAligned | kSteady, LockKind::kUnknown,
             false, 0},
        Call{"musl condvar", 0x80, kTwo, kAligned | kOnWaitersStack, LockKind::kUnknown, false, 0},
        Call{"89/2 without evidence", 0x89, kTwo, kAligned | kSteady, LockKind::kUnknown, false, 0},
        Call{"189/2 without evidence", 0x189, kTwo, kAligned | kSteady, LockKind::kUnknown, false,
             0},
        Call{"once or parking_lot", 0x80, kOne, kAligned | kLocklike, LockKind::kUnknown, false, 0},
        Call{"futex_waitv", kOpWaitv, kTwo, kAligned | kLocklike, LockKind::kUnknown, false, 0}));

// Words through the grouping: what only their neighbours or their mixture tell.

std::vector<LockObject> objects_of(const Interval& interval) {
  return group_words(interval);
}

TEST(Objects, BothWordsOfACondvarAreOne) {
  const WordOf first{.id = 1,
                     .address = 0x1000 + 40,
                     .op = kBitsetRealtime,
                     .value = kZero,
                     .waits = 10,
                     .each = kMs};
  WordOf second = first;
  second.id = 2;
  second.address = 0x1000 + 44;
  const Interval both = interval_of({first.make(), second.make()});
  const auto objects = objects_of(both);
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0].key.address, 0x1000U);
  EXPECT_EQ(objects[0].words.size(), 2U);
  const Interval alone = interval_of({first.make()});
  EXPECT_EQ(objects_of(alone).front().key.address, 0x1000U + 40) << "may be a semaphore";
}

TEST(Objects, AllWordsOfARwlockAreOne) {
  const WordOf readers{.id = 1,
                       .address = 0x2000 + 8,
                       .op = kBitsetRealtime,
                       .value = kThree,
                       .waits = 10,
                       .each = kMs};
  WordOf writers = readers;
  writers.id = 2;
  writers.address = 0x2000 + 12;
  Word phase = readers.make();
  phase.wait_sites.push_back({.image = kImage,
                              .stack = 12,
                              .op = kBitsetRealtime,
                              .value = kTwo,
                              .waits = 30,
                              .wait_ns = 30 * kMs,
                              .on_own_stack = 0});
  phase.value_changes = 20;
  const Interval interval = interval_of({phase, writers.make()});
  const auto objects = objects_of(interval);
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0].what.kind, LockKind::kRwlock);
  EXPECT_EQ(objects[0].key.address, 0x2000U);
}

TEST(Objects, ARustRwlockAndItsWritersAreOne) {
  const WordOf state{.id = 1,
                     .address = 0x2000,
                     .op = kBitsetPrivate,
                     .value = kHighBit,
                     .waits = 10,
                     .each = kMs};
  WordOf writers = state;
  writers.id = 2;
  writers.address = 0x2004;
  writers.value = kOther;
  writers.value_changes = 9;
  const Interval interval = interval_of({state.make(), writers.make()});
  const auto objects = objects_of(interval);
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0].what.kind, LockKind::kRwlock);
  EXPECT_EQ(objects[0].key.address, 0x2000U);
}

TEST(Objects, SameAddressInAnotherProcessIsAnotherObject) {
  const Word here = WordOf{.id = 1, .waits = 1, .each = kMs}.make();
  Word there = WordOf{.id = 2, .waits = 1, .each = kMs}.make();
  there.key.space = kImage + 1;
  const Interval interval = interval_of({here, there});
  EXPECT_EQ(objects_of(interval).size(), 2U);
}

TEST(Objects, TheKindWithMostWaitTimeSpeaksForReusedMemory) {
  Word word = WordOf{.waits = 1000, .each = kUs}.make();
  word.wait_sites.push_back({.image = kImage,
                             .stack = 12,
                             .op = kBitsetPrivate,
                             .value = kAllOnes,
                             .waits = 1,
                             .wait_ns = kSecond,
                             .on_own_stack = 0});
  const Interval interval = interval_of({word});
  EXPECT_EQ(objects_of(interval).front().what.kind, LockKind::kPark);
}

TEST(Objects, AWaiterOnAnotherThreadsStackMakesItAMutexAgain) {
  Word word = WordOf{.waits = 10, .each = kMs}.make();
  word.wait_sites[0].on_own_stack = 10;
  const Interval own = interval_of({word});
  EXPECT_EQ(objects_of(own).front().what.kind, LockKind::kUnknown);
  const Interval mixed = interval_of({word}, {wait_on(1, 71, kEnd - kMs)});
  EXPECT_EQ(objects_of(mixed).front().what.kind, LockKind::kMutex);
}

// Both hang: one was seen to behave like a lock before, the other not.
TEST(Objects, WhatAWordShowedEarlierStillCounts) {
  const Word before = WordOf{.op = kBitsetPrivate, .waits = 10, .each = kMs, .repeats = 5}.make();
  Word after = before;
  after.waiters = 2;
  Snapshot now = snapshot_at(kEnd, {after});
  now.in_progress = {wait_on(1, 71, kBegin - kMs, kBitsetPrivate)};
  const Interval seen = difference(snapshot_at(kBegin, {before}), now);
  EXPECT_EQ(objects_of(seen).front().what.kind, LockKind::kMutex);
  const Interval unseen =
      interval_of({stuck_word(1, 0x1000, 2)}, {wait_on(1, 71, kBegin - kMs, kBitsetPrivate)});
  EXPECT_EQ(objects_of(unseen).front().what.kind, LockKind::kUnknown);
}

}  // namespace
}  // namespace cw
