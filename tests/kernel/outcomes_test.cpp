// Each way to sleep on a word: every call counted once, as what it was, at its length.
#include <gtest/gtest.h>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

constexpr int kCount = 20;

class Outcomes : public testing::TestWithParam<std::string> {};

TEST_P(Outcomes, AreCountedExactlyAndMeasuredClosely) {
  Workload workload({"ops", GetParam(), std::to_string(kCount), "20"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  if (!workload.ready().at("supported").get<bool>()) return;  // this kernel has no such call
  const Interval interval = watch.interval();
  const Word word = word_at(interval, workload.pid(), workload.address("word"));

  EXPECT_EQ(word.woken, truth.at("woken").get<std::uint64_t>());
  EXPECT_EQ(word.timed_out, truth.at("timed_out").get<std::uint64_t>());
  EXPECT_EQ(word.interrupted, truth.at("interrupted").get<std::uint64_t>());
  EXPECT_EQ(word.raced, truth.at("raced").get<std::uint64_t>());
  EXPECT_EQ(word.failed, truth.at("failed").get<std::uint64_t>());
  EXPECT_EQ(word.wait_hist.count(), truth.at("waits").get<std::uint64_t>());
  EXPECT_TRUE(within(static_cast<double>(word.wait_ns), truth.at("sum_ns"), 0.02))
      << word.wait_ns << " against " << truth.at("sum_ns");
  EXPECT_TRUE(within(static_cast<double>(word.waiting_ns), truth.at("sum_ns"), 0.05))
      << word.waiting_ns << " against " << truth.at("sum_ns");
  EXPECT_EQ(word.waiters, 0U);
  EXPECT_EQ(interval.losses, Losses{});
  EXPECT_EQ(workload.finish(), 0);
}

INSTANTIATE_TEST_SUITE_P(Futex, Outcomes,
                         testing::Values("wait", "wait_bitset", "timed_wait", "timed_wait_bitset",
                                         "timed_wait_woken", "eagain", "lock_pi", "lock_pi2",
                                         "wait_requeue_pi", "requeue", "wake_op", "wake_op_second",
                                         "waitv", "futex_wait"),
                         [](const auto& about) { return about.param; });

// Not a file's page, so it is keyed by address although the call says shared.
TEST(Outcomes, SharedCallOnPrivateMemory) {
  Workload workload({"ops", "wait_shared", std::to_string(kCount), "5"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  EXPECT_EQ(sum_of_words(interval).woken, truth.at("woken").get<std::uint64_t>());
  EXPECT_EQ(interval.losses, Losses{});
}

class RareMutex : public testing::TestWithParam<std::string> {};

TEST_P(RareMutex, ContendedAcquisitionsAreWaits) {
  Workload workload({"pi_robust", GetParam(), "10", "10"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("lock"));
  EXPECT_EQ(waits_of(word), truth.at("waits").get<std::uint64_t>());
  EXPECT_TRUE(within(static_cast<double>(word.wait_ns), truth.at("sum_ns"), 0.05))
      << word.wait_ns << " against " << truth.at("sum_ns");
}

INSTANTIATE_TEST_SUITE_P(Glibc, RareMutex,
                         testing::Values("pi", "robust", "pi_robust", "owner_dies"),
                         [](const auto& about) { return about.param; });

TEST(Outcomes, ThirtyTwoBitCallers) {
  Workload workload({"compat32", "20", "5"});
  Watch watch(workload.pid());
  ASSERT_TRUE(watch.probes().attach_compat().has_value());
  const auto truth = workload.run();
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(word.woken, truth.at("woken").get<std::uint64_t>());
  EXPECT_EQ(word.timed_out, truth.at("timed_out").get<std::uint64_t>());
  EXPECT_TRUE(within(static_cast<double>(word.wait_ns), truth.at("sum_ns"), 0.05))
      << word.wait_ns << " against " << truth.at("sum_ns");
}

}  // namespace
}  // namespace cw::test
