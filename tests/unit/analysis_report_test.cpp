// Whole intervals to whole reports: levels, causes, sums and verdicts.
#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/analyse.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

class Analyse : public testing::Test {
 protected:
  Analyse() {
    symbolizer_.objects[0x1000] = {.name = "orders::ledger", .object = "bss orders+0x40"};
    symbolizer_.add_stack(11, {"pthread_mutex_lock", "orders::lookup", "main"});
    symbolizer_.add_stack(12, {"Pool::wait_for_work", "main"});  // says nothing of a primitive
    symbolizer_.add_stack(21, {"pthread_mutex_unlock", "orders::refresh", "main"});
  }

  Report run(const Interval& interval) {
    return analyse(interval, {sample_of(14)}, {sample_of(14)}, options_, memory_, symbolizer_);
  }
  LockReport first(const Interval& interval) {
    const Report report = run(interval);
    EXPECT_FALSE(report.locks.empty());
    return report.locks.empty() ? LockReport{} : report.locks.front();
  }

  FakeSymbolizer symbolizer_;
  AnalysisOptions options_;
  Memory memory_;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
bool any_contains(const std::vector<std::string>& texts, std::string_view part) {
  return std::ranges::any_of(texts, [&](const std::string& text) { return contains(text, part); });
}

Word busy_mutex() {
  Word word = WordOf{.waits = 49'000, .each = 260 * kUs, .busy = 4850 * kMs}.make();
  word.charged_ns = word.waiting_ns;
  word.wake_sites = {{.image = kImage, .stack = 21, .op = 0x81, .wakes = 100, .charged_ns = 500}};
  return word;
}

TEST_F(Analyse, ABusyMutexIsTheCulpritWithASumToRedo) {
  const Report report = run(interval_of({busy_mutex()}));
  EXPECT_EQ(report.verdict.level, Level::kCulprit);
  EXPECT_EQ(report.verdict.summary, "mutex orders::ledger: 2.5 of 14 threads are waiting for it");
  const LockReport& lock = report.locks.front();
  EXPECT_EQ(lock.cause, "contention");
  EXPECT_EQ(
      lock.arithmetic,
      "9,800 waits/s x 260 us = 2.5 of 14 threads waiting, somebody waiting 97 % of the time");
  ASSERT_EQ(lock.advice.size(), 1U);
  EXPECT_EQ(lock.advice[0],
            "100 % of the waiting begins in orders::lookup, 100 % is let go by orders::refresh: "
            "look at what orders::refresh does under the lock");
}

TEST_F(Analyse, SaysTheLineWhereItIsKnown) {
  Frame& waiting = symbolizer_.stacks[11].frames[1];
  waiting.file = "/build/orders/cache.cpp";
  waiting.line = 41;
  EXPECT_TRUE(first(interval_of({busy_mutex()}))
                  .advice.at(0)
                  .contains("begins in orders::lookup (cache.cpp:41), 100 %"));
}

TEST_F(Analyse, LevelsNeedBothForACulpritAndEitherForASuspect) {
  const auto level = [&](double waiters, double busy) {
    Word word = WordOf{.waits = 100, .each = 0}.make();
    word.waiting_ns = static_cast<std::uint64_t>(waiters * 5e9);
    word.busy_ns = static_cast<std::uint64_t>(busy * 5e9);
    return first(interval_of({word})).level;
  };
  EXPECT_EQ(level(0.51, 0.51), Level::kCulprit);
  EXPECT_EQ(level(0.51, 0.49), Level::kSuspect);
  EXPECT_EQ(level(0.11, 0.05), Level::kSuspect);
  EXPECT_EQ(level(0.09, 0.09), Level::kFine);
}

TEST_F(Analyse, ThresholdsAreOptions) {
  options_.thresholds.lock_waiters_culprit = 3;
  EXPECT_EQ(first(interval_of({busy_mutex()})).level, Level::kSuspect);
}

TEST_F(Analyse, ALackOfCpuIsNotTheLocksFault) {
  Word word = busy_mutex();
  word.runnable_ns = word.waiting_ns - kMs;
  const Report report = run(interval_of({word}));
  EXPECT_EQ(report.locks[0].level, Level::kFine);
  EXPECT_EQ(report.locks[0].cause, "cpu starvation");
  EXPECT_EQ(report.verdict.level, Level::kFine);
  EXPECT_TRUE(contains(report.verdict.summary, "threads lack CPU")) << report.verdict.summary;
  EXPECT_TRUE(contains(report.locks[0].arithmetic, "only lacked CPU"));
}

TEST_F(Analyse, ALackOfCpuIsSaidWhereNothingWaitsForALock) {
  const auto summary = [&](double running, double runnable) {
    ProcessSample after = sample_of(14);
    after.cpu_ns += static_cast<std::uint64_t>(running * (kEnd - kBegin));
    after.run_delay_ns += static_cast<std::uint64_t>(runnable * (kEnd - kBegin));
    return analyse(interval_of({}), {sample_of(14)}, {after}, options_, memory_, symbolizer_)
        .verdict.summary;
  };
  EXPECT_TRUE(contains(summary(1, 3.4), "threads lack CPU: 1.0 run, 3.4 are ready"));
  EXPECT_EQ(summary(3, 0.2), "no thread waited for a lock");
}

TEST_F(Analyse, OneWaitThroughItAllIsAStuckSuspectSeveralAreACulprit) {
  const WaitInProgress one = wait_on(1, 71, kBegin - kSecond);
  const WaitInProgress two = wait_on(1, 72, kBegin - kSecond);
  const LockReport single = first(interval_of({stuck_word(1, 0x1000, 1)}, {one}));
  EXPECT_EQ(single.level, Level::kSuspect);
  EXPECT_EQ(single.cause, "stuck");
  symbolizer_.owner = 4251;
  const LockReport several = first(interval_of({stuck_word(1, 0x1000, 2)}, {one, two}));
  EXPECT_EQ(several.level, Level::kCulprit);
  EXPECT_EQ(several.cause, "stuck");
  EXPECT_TRUE(
      contains(several.arithmetic, "2 waits through the whole interval = 2.0 of 14 threads"))
      << several.arithmetic;
  EXPECT_EQ(several.owner.value_or(Owner{}).tid, 4251U);
  EXPECT_TRUE(any_contains(several.advice, "tid 4251 clerk-1"));
}

// An unknown word: an idle pool on it must not look like contention.
TEST_F(Analyse, AnIdlePoolOnAnUnknownWordIsFine) {
  const Word word = stuck_word(1, 0x1000, 8);
  std::vector<WaitInProgress> pool;
  for (std::uint32_t tid = 71; tid < 79; ++tid)
    pool.push_back(wait_on(1, tid, kBegin - kSecond, kWaitPrivate, ValueClass::kOne));
  for (WaitInProgress& wait : pool) wait.stack = 12;
  const Report report = run(interval_of({word}, pool));
  EXPECT_EQ(report.verdict.level, Level::kFine);
  EXPECT_EQ(report.locks.at(0).cause, "");
  EXPECT_EQ(report.verdict.summary, "no thread waited for a lock");
  EXPECT_DOUBLE_EQ(report.processes.at(0).threads_mean.lock_wait, 0);
  EXPECT_DOUBLE_EQ(report.processes.at(0).threads_mean.idle_wait, 8);
  EXPECT_TRUE(any_contains(report.verdict.cleared, "nothing shows a lock"));
}

TEST_F(Analyse, AnUnknownWordThatBehavesLikeALockIsAtMostSuspect) {
  WordOf word{.value = ValueClass::kOne,
              .waits = 50'000,
              .each = 260 * kUs,
              .busy = 5 * kSecond,
              .stack = 12};
  EXPECT_EQ(first(interval_of({word.make()})).level, Level::kSuspect);
  word.threads = 1;
  EXPECT_EQ(first(interval_of({word.make()})).level, Level::kFine);
  word.threads = 4;
  word.repeats = 0;
  EXPECT_EQ(first(interval_of({word.make()})).level, Level::kFine);
}

TEST_F(Analyse, IdleKindsAreCountedAndNeverLevelled) {
  const WordOf pool{.address = 0x3004,
                    .op = kBitsetRealtime,
                    .value = ValueClass::kZero,
                    .waits = 100,
                    .each = 200 * kMs,
                    .busy = 5 * kSecond,
                    .stack = 12};
  const Report report = run(interval_of({pool.make()}));
  EXPECT_TRUE(report.locks.empty());
  EXPECT_TRUE(report.waits.empty()) << "only with --waits";
  EXPECT_EQ(report.idle_waits.count, 100U);
  EXPECT_EQ(report.idle_waits.sum_ns, 20 * kSecond);
  EXPECT_DOUBLE_EQ(report.idle_waits.threads_mean, 4);
  EXPECT_TRUE(any_contains(report.verdict.cleared, "4.0 threads in idle waits (1 condvar)"));
  options_.with_waits = true;
  const Report listed = run(interval_of({pool.make()}));
  ASSERT_EQ(listed.waits.size(), 1U);
  EXPECT_EQ(listed.waits[0].level, Level::kFine);
}

TEST_F(Analyse, SaysWhySumAndMeasurementDiffer) {
  Word word = WordOf{.waits = 500, .each = kMs, .busy = 4 * kSecond}.make();
  word.waiting_ns += 5 * kSecond;
  const LockReport waiting =
      first(interval_of({word}, {wait_on(1, 71, kBegin + kMs), wait_on(1, 72, kEnd - kMs)}));
  EXPECT_TRUE(contains(waiting.arithmetic, "measured 1.1 of 14 threads waiting: 2 waits still in"))
      << waiting.arithmetic;
  word.waiting_ns = 100 * kMs;
  EXPECT_TRUE(contains(first(interval_of({word})).arithmetic, "began before it"));
}

TEST_F(Analyse, ThreadStatesAddUpToTheThreads) {
  Word word = busy_mutex();
  word.runnable_ns = kSecond;
  const WordOf pool{.id = 2,
                    .address = 0x3004,
                    .op = kBitsetRealtime,
                    .value = ValueClass::kZero,
                    .waits = 100,
                    .each = 200 * kMs,
                    .stack = 12};
  const Report report =
      analyse(interval_of({word, pool.make()}), {sample_of(14, kSecond, 0)},
              {sample_of(14, 6 * kSecond, kSecond)}, options_, memory_, symbolizer_);
  const ThreadsMean& mean = report.processes.at(0).threads_mean;
  EXPECT_DOUBLE_EQ(mean.on_cpu, 1);
  EXPECT_DOUBLE_EQ(mean.runnable, 0.2);
  EXPECT_DOUBLE_EQ(mean.lock_wait, 2.548 - 0.2);
  EXPECT_DOUBLE_EQ(mean.idle_wait, 4);
  EXPECT_DOUBLE_EQ(mean.on_cpu + mean.runnable + mean.lock_wait + mean.idle_wait + mean.other, 14);
  EXPECT_DOUBLE_EQ(report.processes[0].cpu_s, 5);
}

TEST_F(Analyse, ThreadsThatEndedKeepTheirCpuTime) {
  Interval interval = interval_of({});
  interval.images[kImage].exited_cpu_ns = 3 * kSecond;  // one of them used 2 s before it
  const Report report = analyse(interval, {sample_of(2, 4 * kSecond)}, {sample_of(1, 2 * kSecond)},
                                options_, memory_, symbolizer_);
  EXPECT_DOUBLE_EQ(report.processes.at(0).cpu_s, 1);
}

TEST_F(Analyse, AProcessThatEndedIsStillReported) {
  Interval interval = interval_of({});
  interval.images[kImage].exited_cpu_ns = 5 * kSecond;
  const Report report =
      analyse(interval, {sample_of(2, 4 * kSecond)}, {}, options_, memory_, symbolizer_);
  ASSERT_EQ(report.processes.size(), 1U);
  EXPECT_TRUE(report.processes[0].ended);
  EXPECT_EQ(report.processes[0].threads, 0U);
  EXPECT_DOUBLE_EQ(report.processes[0].cpu_s, 1);
}

TEST_F(Analyse, TellsWhereThreadsSleep) {
  ProcessSample after = sample_of(14);
  after.looks = 10;
  after.asleep_in = {{"epoll_wait", 119}, {"fsync", 8}, {"futex", 50}};
  const Report report =
      analyse(interval_of({}), {sample_of(14)}, {after}, options_, memory_, symbolizer_);
  const auto& sleeping = report.processes.at(0).sleeping_in;
  ASSERT_EQ(sleeping.size(), 2U) << "futex waits are counted, not sampled";
  EXPECT_EQ(sleeping[0].syscall, "epoll_wait");
  EXPECT_DOUBLE_EQ(sleeping[0].threads_mean, 11.9);
}

TEST_F(Analyse, WorstFirstAndOnlyThoseShownAreNamed) {
  std::vector<Word> words;
  for (WordId id = 1; id <= 50; ++id)
    words.push_back(
        WordOf{.id = id, .address = 0x1000ULL * id, .waits = id, .each = 100 * kUs, .busy = kMs}
            .make());
  options_.top_n = 5;
  const Report report = run(interval_of(words));
  ASSERT_EQ(report.locks.size(), 50U) << "all of them; formats cut";
  EXPECT_EQ(report.locks[0].waits, 50U);
  EXPECT_EQ(symbolizer_.objects_asked, 5);
  EXPECT_EQ(report.locks[49].name, "0x1000");
  EXPECT_TRUE(
      std::ranges::is_sorted(report.locks, std::ranges::greater{}, &LockReport::waiters_mean));
}

TEST_F(Analyse, NamesWhatItCannotSeeHere) {
  ProcessSample java = sample_of(4);
  java.runtimes = {"JVM 17"};
  const Report report = analyse(interval_of({}), {java}, {java}, options_, memory_, symbolizer_);
  EXPECT_TRUE(any_contains(report.verdict.not_seen, "Java's locks"));
  EXPECT_FALSE(any_contains(run(interval_of({})).verdict.not_seen, "Java's locks"));
}

TEST_F(Analyse, SlowWakingIsNamedWhenNearlyAllThreadsWait) {
  const Word word = WordOf{.waits = 19'000, .each = kMs, .busy = 5 * kSecond}.make();
  const Report report =
      analyse(interval_of({word}), {sample_of(4)}, {sample_of(4)}, options_, memory_, symbolizer_);
  EXPECT_TRUE(any_contains(report.locks.at(0).advice, "slow waking"));
  EXPECT_FALSE(any_contains(first(interval_of({word})).advice, "slow waking"));
}

TEST_F(Analyse, AnEmptyIntervalGivesAnEmptyReport) {
  const Snapshot snapshot = snapshot_at(kBegin);
  const Report report =
      analyse(difference(snapshot, snapshot), {}, {}, options_, memory_, symbolizer_);
  EXPECT_EQ(report.verdict.level, Level::kFine);
  EXPECT_TRUE(report.locks.empty());
  EXPECT_EQ(report.interval_s, 0);
}

}  // namespace
}  // namespace cw
