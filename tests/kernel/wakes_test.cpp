// Who let the waiters go, and what they are charged.
#include <gtest/gtest.h>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

// By its sites as the kernel side kept them.
std::uint64_t charged(const Watch& watch, const Word& word) {
  std::uint64_t sum = 0;
  for (const WakeSite& site : watch.last().words.at(word.id).wake_sites) sum += site.charged_ns;
  return sum;
}

class Wakes : public testing::TestWithParam<std::string> {};

// Each round is one wait and the one wake that ended it, so the wakes answer for all waiting.
TEST_P(Wakes, AreChargedTheWaitingThatPiledUp) {
  Workload workload({"ops", GetParam(), "10", "20"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(word.wakes, truth.at("wakes").get<std::uint64_t>());
  EXPECT_EQ(charged(watch, word), word.charged_ns);
  EXPECT_LE(word.charged_ns, word.waiting_ns);
  // All but the time from the last wake to the waiter's return, which nobody is charged any more.
  EXPECT_TRUE(
      within(static_cast<double>(word.charged_ns), static_cast<double>(word.waiting_ns), 0.15))
      << word.charged_ns << " of " << word.waiting_ns;
  EXPECT_EQ(word.gap_hist.count(), word.wakes);
}

INSTANTIATE_TEST_SUITE_P(Futex, Wakes,
                         testing::Values("wait", "wait_bitset", "lock_pi", "wake_op",
                                         "wake_op_second", "futex_wait"),
                         [](const auto& about) { return about.param; });

// Time-outs are nobody's doing.
TEST(Wakes, TimeOutsAreNotAttributed) {
  Workload workload({"ops", "timed_wait", "5", "10"});
  Watch watch(workload.pid());
  workload.run();
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(word.wakes, 0U);
  EXPECT_EQ(word.charged_ns, 0U);
  EXPECT_GT(word.waiting_ns, 0U);
}

// Moved to another word, then woken there: not to be blamed on whoever wakes the first word next.
TEST(Wakes, RequeuedWaitersAreNotMisattributed) {
  Workload workload({"ops", "requeue", "10", "20"});
  Watch watch(workload.pid());
  workload.run();
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(word.woken, 10U);
  EXPECT_EQ(word.wakes, 0U);
  EXPECT_EQ(word.charged_ns, 0U);
}

TEST(Wakes, ChargesOfABusyMutexAddUp) {
  Workload workload({"mutex4", "4", "2", "50"});
  Watch watch(workload.pid());
  watch.probes().sample_stacks({.at_a_rate = 65'535, .granted = 1U << 30U});
  workload.run();
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("lock"));
  EXPECT_EQ(charged(watch, word), word.charged_ns);
  EXPECT_LE(word.charged_ns, word.waiting_ns);
  EXPECT_GT(static_cast<double>(word.charged_ns), 0.9 * static_cast<double>(word.waiting_ns));
  EXPECT_GT(word.repeats, 0U);
  EXPECT_EQ(word.value_changes, 0U);
}

}  // namespace
}  // namespace cw::test
