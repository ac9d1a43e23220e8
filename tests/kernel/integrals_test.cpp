// How many threads wait, and how long somebody does, clipped to the interval.
#include <gtest/gtest.h>

#include <thread>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

void sleep_ms(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

double share(std::uint64_t ns, const Interval& interval) {
  return static_cast<double>(ns) / static_cast<double>(interval.length_ns());
}

// One wait that spans several intervals is in each with its part, and is counted in the last.
TEST(Integrals, WaitThatSpansIntervals) {
  Workload workload({"ops", "wait", "1", "1200"});
  Watch watch(workload.pid());
  workload.go();
  sleep_ms(200);
  Interval interval = watch.interval();  // the wait began somewhere in here
  for (int i = 0; i < 2; i++) {
    sleep_ms(300);
    interval = watch.interval();
    const Word word = word_at(interval, workload.pid(), workload.address("word"));
    EXPECT_NEAR(share(word.waiting_ns, interval), 1.0, 0.05);
    EXPECT_NEAR(share(word.busy_ns, interval), 1.0, 0.05);
    EXPECT_EQ(waits_of(word), 0U);
    EXPECT_EQ(interval.in_progress.size(), 1U);
  }
  const auto truth = workload.expect("done");
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(word.woken, 1U);
  EXPECT_TRUE(within(static_cast<double>(word.wait_ns), truth.at("sum_ns"), 0.02));
}

// Four threads on a mutex whose holds are long: the integral is the sum of the waits, as long as
// waits are short against the interval.
TEST(Integrals, MeanWaitersIsTheSumOfTheWaits) {
  Workload workload({"mutex4", "4", "2", "600"});  // long enough for each thread to have its turn
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  const Word word = word_at(interval, workload.pid(), workload.address("lock"));
  EXPECT_TRUE(within(static_cast<double>(word.waiting_ns), static_cast<double>(word.wait_ns), 0.02))
      << word.waiting_ns << " against " << word.wait_ns;
  EXPECT_LE(word.busy_ns, interval.length_ns());
  EXPECT_GT(share(word.busy_ns, interval), 0.3);
  // What the threads measured around lock() holds the waits in the kernel, and little else.
  EXPECT_LE(word.wait_ns, truth.at("lock_ns").get<std::uint64_t>());
  EXPECT_GT(static_cast<double>(word.wait_ns), 0.8 * truth.at("lock_ns").get<double>());
  EXPECT_EQ(word.distinct, 4U);
  EXPECT_EQ(word.waiters, 0U);
}

// Calls that never slept must not read as waiting, however many there are.
TEST(Integrals, RacedCallsAddNoWaiting) {
  Workload workload({"rate", "eagain", "2", "1"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  const Word sum = sum_of_words(interval);
  EXPECT_EQ(interval.losses, Losses{});
  EXPECT_EQ(sum.raced, truth.at("calls").get<std::uint64_t>())
      << waits_of(sum) << " waits, " << sum.failed << " failed, " << sum.unsettled << " unsettled";
  std::uint64_t waiting = 0;
  for (const Word& word : interval.grown) waiting += word.waiting_ns;
  EXPECT_LT(share(waiting, interval), 0.01);
}

TEST(Integrals, DistinctWaitersAreThoseOfTheInterval) {
  Workload workload({"idle_pool", "condvar", "6", "4", "50"});
  Watch watch(workload.pid());
  workload.run();
  const Interval interval = watch.interval();
  std::uint64_t distinct = 0;
  for (const Word& word : interval.grown) distinct = std::max(distinct, word.distinct);
  EXPECT_GE(distinct, 4U);
  EXPECT_LE(distinct, 6U);
}

}  // namespace
}  // namespace cw::test
