// Locks that no address names: per-waiter words, classes of locks, and names that stay.
#include <gtest/gtest.h>

#include "analysis/analyse.h"
#include "analysis/word_parts.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

class Sites : public testing::Test {
 protected:
  Sites() {
    symbolizer_.add_stack(
        31, {"parking_lot::raw_mutex::RawMutex::lock_slow", "orders::lookup", "main"});
    symbolizer_.add_stack(
        32, {"parking_lot::condvar::Condvar::wait_until_internal", "orders::take", "main"});
    symbolizer_.add_stack(33, {"parking_lot::raw_mutex::RawMutex::unlock_slow", "orders::lookup"});
    symbolizer_.add_stack(11, {"pthread_mutex_lock", "orders::lookup", "main"});
  }
  // The word of one waiter, on which it waited for a lock.
  static Word waiters_word(WordId id, std::uint64_t waits = 1000, std::uint64_t each = kMs) {
    return WordOf{.id = id,
                  .address = 0x7f0000000000ULL + id * 4096ULL,
                  .value = ValueClass::kOne,
                  .waits = waits,
                  .each = each,
                  .busy = waits * each,
                  .threads = 1,
                  .stack = 31}
        .make();
  }
  Report run(const Interval& interval) {
    return analyse(interval, {sample_of(14)}, {sample_of(14)}, options_, memory_, symbolizer_);
  }

  FakeSymbolizer symbolizer_;
  AnalysisOptions options_;
  Memory memory_;
};

TEST_F(Sites, WaitersOnWordsOfTheirOwnAreOneRow) {
  // Four threads, each 4 of 5 seconds in lock_slow.
  std::vector<Word> words;
  for (WordId id = 1; id <= 4; ++id) words.push_back(waiters_word(id, 4000));
  words[0].wake_sites = {
      {.image = kImage, .stack = 33, .op = 0x81, .wakes = 9, .charged_ns = kSecond}};
  const Report report = run(interval_of(words));
  ASSERT_EQ(report.locks.size(), 1U);
  const LockReport& lock = report.locks[0];
  EXPECT_EQ(lock.kind, LockKind::kMutex);
  EXPECT_EQ(lock.level, Level::kCulprit);
  EXPECT_EQ(lock.address, 0U);
  EXPECT_EQ(lock.name, "parking_lot::Mutex locked in orders::lookup");
  EXPECT_EQ(lock.object, "a word of each waiter");
  EXPECT_TRUE(lock.per_waiter_words);
  EXPECT_EQ(lock.waits, 16'000U);
  EXPECT_EQ(lock.threads, 4U);
  EXPECT_DOUBLE_EQ(lock.waiters_mean, 3.2);
  EXPECT_EQ(lock.wait.histogram.count(), 16'000U);
  ASSERT_TRUE(lock.busy_share_bounds);
  EXPECT_DOUBLE_EQ(lock.busy_share_bounds->first, 0.8);
  EXPECT_DOUBLE_EQ(lock.busy_share_bounds->second, 1);
  EXPECT_GT(lock.busy_share, 0.8);
  EXPECT_LT(lock.busy_share, 1);
  ASSERT_EQ(lock.releasers.size(), 1U);
  EXPECT_EQ(symbolizer_.objects_asked, 0) << "the address names nothing";
}

// A pool thread: idle most of the time, and now and then waiting for a lock, on the same word.
TEST_F(Sites, AWordUsedForSeveralThingsIsSharedOut) {
  Word word = waiters_word(1, 500);
  word.wait_sites.push_back({.image = kImage,
                             .stack = 32,
                             .op = kWaitPrivate,
                             .value = ValueClass::kOne,
                             .waits = 500,
                             .wait_ns = 4 * kSecond,
                             .on_own_stack = 0});
  word.waiting_ns = word.busy_ns = word.wait_ns = 4500 * kMs;
  word.woken = 1000;
  word.wait_hist.add(bucket_of(8 * kMs), 500);
  word.wake_sites = {
      {.image = kImage, .stack = 33, .op = 0x81, .wakes = 500, .charged_ns = 400 * kMs}};
  options_.with_waits = true;
  const Report report = run(interval_of({word}));
  ASSERT_EQ(report.locks.size(), 1U);
  EXPECT_EQ(report.locks[0].waits, 500U);
  EXPECT_DOUBLE_EQ(report.locks[0].waiters_mean, 0.1);
  EXPECT_EQ(report.locks[0].releasers.size(), 1U) << "an unlock is the lock's";
  ASSERT_EQ(report.waits.size(), 1U);
  EXPECT_EQ(report.waits[0].kind, LockKind::kCondvar);
  EXPECT_DOUBLE_EQ(report.waits[0].waiters_mean, 0.8);
  EXPECT_TRUE(report.waits[0].releasers.empty());
}

TEST_F(Sites, StacksNotTakenAreTakenForThoseOfTheirLike) {
  const Word word = waiters_word(1, 4000);
  WaitInProgress unknown = wait_on(1, 71, kEnd - kMs, kWaitPrivate, ValueClass::kOne);
  unknown.stack = 0;
  const Report report = run(interval_of({word}, {unknown}));
  ASSERT_EQ(report.locks.size(), 1U);
  EXPECT_EQ(report.locks[0].in_progress, 1U);
}

// As many as are asked for a word, and more: of a busy lock none has its stack taken before its
// end.
TEST_F(Sites, WaitsInProgressWhoseStacksAreNotWantedHideNoKind) {
  const Report before = run(interval_of({waiters_word(1, 4000)}));
  std::vector<WaitInProgress> unknown;
  for (std::uint32_t tid = 71; tid < 91; ++tid) {
    unknown.push_back(wait_on(1, tid, kEnd - kMs, kWaitPrivate, ValueClass::kOne));
    unknown.back().stack = 0;
    unknown.back().weight = 0;
  }
  const Report report = run(interval_of({waiters_word(1, 4000)}, unknown));
  ASSERT_EQ(report.locks.size(), 1U);
  EXPECT_EQ(report.locks[0].kind, before.locks.at(0).kind);
  EXPECT_EQ(report.locks[0].name, before.locks.at(0).name);
  EXPECT_EQ(report.locks[0].in_progress, 20U);
  EXPECT_EQ(report.locks[0].waiters.size(), before.locks.at(0).waiters.size());
}

TEST_F(Sites, PartsAddUpToTheWhole) {
  Word word = waiters_word(1, 7);
  word.timed_out = 4;
  word.woken = 3;
  word.runnable_ns = 1001;
  std::vector<WordPart> parts(3);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    WaitSite site = word.wait_sites[0];
    site.waits = i;
    site.wait_ns = i * 100;
    parts[i].wait_sites = {site};
  }
  std::uint64_t waits = 0;
  std::uint64_t runnable = 0;
  std::uint64_t waiting = 0;
  for (const auto& part : share_out(word, parts)) {
    waits += completed(*part);
    runnable += part->runnable_ns;
    waiting += part->waiting_ns;
    EXPECT_TRUE(part->wait_hist.empty());
  }
  EXPECT_EQ(waits, 7U);
  EXPECT_EQ(runnable, 1001U);
  EXPECT_EQ(waiting, word.waiting_ns);
}

std::vector<Word> many_locks(WordId count, StackId stack = 11) {
  std::vector<Word> words;
  for (WordId id = 1; id <= count; ++id)
    words.push_back(WordOf{.id = id,
                           .address = 0x10000 + id * 64,
                           .waits = 10,
                           .each = kMs,
                           .busy = 10 * kMs,
                           .stack = stack}
                        .make());
  return words;
}

TEST_F(Sites, ManyLocksThatAreFineAloneAreAClass) {
  const Report report = run(interval_of(many_locks(1000)));  // each 0.002 threads, together 2
  ASSERT_EQ(report.locks.size(), 1U);
  const LockReport& all = report.locks[0];
  EXPECT_EQ(all.objects, 1000U);
  EXPECT_EQ(all.level, Level::kCulprit);
  EXPECT_DOUBLE_EQ(all.waits_per_s, 2000);
  EXPECT_NEAR(all.waiters_mean, 2, 1e-9);
  EXPECT_NEAR(all.busy_share, 0.865, 0.001) << "1 - (1 - 0.002)^1000";
  EXPECT_EQ(report.verdict.summary,
            "1,000 mutexes locked in orders::lookup: 2.0 of 14 threads are waiting for it");
  EXPECT_NEAR(report.processes.at(0).threads_mean.lock_wait, 2, 1e-9);
}

TEST_F(Sites, ThoseOnlySummedUpBelongToTheirClassToo) {
  const Report report = run(interval_of(many_locks(5000)));
  ASSERT_EQ(report.locks.size(), 1U);
  EXPECT_EQ(report.locks[0].objects, 5000U);
  EXPECT_NEAR(report.locks[0].waiters_mean, 10, 1e-6);
  EXPECT_EQ(report.locks_not_listed.count, 0U);
}

TEST_F(Sites, FewOrHarmlessLocksAreNoClass) {
  EXPECT_EQ(run(interval_of(many_locks(9))).locks.size(), 9U);
  EXPECT_EQ(run(interval_of(many_locks(40))).locks.size(), 40U) << "together 0.08 threads";
}

TEST_F(Sites, HeapLocksKeepTheNameTheyWereFirstSeenUnder) {
  symbolizer_.objects[0x1000] = {.name = "", .object = "heap"};
  symbolizer_.add_stack(12, {"pthread_mutex_lock", "orders::settle", "main"});
  Word word = WordOf{.waits = 100, .each = kMs}.make();
  EXPECT_EQ(run(interval_of({word})).locks.at(0).name, "heap, locked in orders::lookup");
  word.wait_sites[0].stack = 12;
  EXPECT_EQ(run(interval_of({word})).locks.at(0).name, "heap, locked in orders::lookup");
  memory_ = Memory();
  EXPECT_EQ(run(interval_of({word})).locks.at(0).name, "heap, locked in orders::settle");
}

TEST_F(Sites, AStackIsNamedOnceInManyIntervals) {
  const Interval interval = interval_of(many_locks(30));
  options_.top_n = 0;
  run(interval);
  const int asked = symbolizer_.stacks_asked;
  EXPECT_EQ(asked, 1);
  run(interval);
  EXPECT_EQ(symbolizer_.stacks_asked, asked);
}

TEST_F(Sites, APolledLockIsHandedToTheHooks) {
  symbolizer_.add_stack(41, {"pthread_cond_timedwait", "take_gil", "_PyEval_EvalFrameDefault"},
                        "python3.11");
  const Word word = WordOf{.address = 0x5028,
                           .op = kBitsetPrivate,
                           .value = ValueClass::kZero,
                           .waits = 4000,
                           .each = 4 * kMs,
                           .busy = 5 * kSecond,
                           .stack = 41}
                        .make();
  const Report report = run(interval_of({word}));
  ASSERT_EQ(report.locks.size(), 1U);
  EXPECT_EQ(report.locks[0].kind, LockKind::kGil);
  EXPECT_EQ(report.locks[0].level, Level::kCulprit);
  EXPECT_EQ(report.locks[0].address, 0x5000U);
  ASSERT_EQ(memory_.polled.size(), 1U);
  EXPECT_EQ(memory_.polled[0].address, 0x5028U);
}

// threading.Condition makes a lock for each wait; a threading.Lock that is fought over has several
// waiters at once.
TEST_F(Sites, APythonLockIsALockWhenSeveralWaitAtOnce) {
  symbolizer_.add_stack(42, {"sem_clockwait", "PyThread_acquire_lock_timed", "run"}, "python3.11");
  WordOf word{.op = kBitsetPrivate,
              .value = ValueClass::kZero,
              .waits = 1000,
              .each = 4 * kMs,
              .busy = 4 * kSecond,
              .stack = 42};
  EXPECT_TRUE(run(interval_of({word.make()})).locks.empty());
  word.busy = 2 * kSecond;
  const Report report = run(interval_of({word.make()}));
  ASSERT_EQ(report.locks.size(), 1U);
  EXPECT_EQ(report.locks[0].kind, LockKind::kMutex);
}

}  // namespace
}  // namespace cw
