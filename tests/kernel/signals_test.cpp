// Signals in the middle of a wait.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

class StopAndContinue : public testing::TestWithParam<std::string> {};

// Without a handler the call begins again, or goes on in restart_syscall: one wait, at its whole
// length, the time spent stopped included.
TEST_P(StopAndContinue, IsOneWait) {
  Workload workload({"stopcont", GetParam(), "400"});
  Watch watch(workload.pid());
  workload.go();
  workload.expect("asleep");
  workload.send(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  workload.send(SIGCONT);
  const auto truth = workload.expect("done");
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(waits_of(word), 1U);
  EXPECT_EQ(waits_of(word), truth.at("waits").get<std::uint64_t>());
  EXPECT_EQ(word.woken, truth.at("woken").get<std::uint64_t>());
  EXPECT_EQ(word.timed_out, truth.at("timed_out").get<std::uint64_t>());
  EXPECT_TRUE(within(static_cast<double>(word.wait_ns), truth.at("sum_ns"), 0.02))
      << word.wait_ns << " against " << truth.at("sum_ns");
  EXPECT_EQ(word.waiters, 0U);
}

INSTANTIATE_TEST_SUITE_P(Modes, StopAndContinue, testing::Values("plain", "relative", "absolute"),
                         [](const auto& about) { return about.param; });

// A handler ends the wait; what comes after it is another.
TEST(Signals, HandlerInterruptsTheWait) {
  Workload workload({"stopcont", "plain", "300", "norestart"});
  Watch watch(workload.pid());
  workload.go();
  workload.expect("asleep");
  const auto truth = workload.expect("done");
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(word.interrupted, truth.at("interrupted").get<std::uint64_t>());
  EXPECT_EQ(word.interrupted, 1U);
  EXPECT_EQ(word.woken, truth.at("woken").get<std::uint64_t>());
  EXPECT_TRUE(within(static_cast<double>(word.wait_ns), truth.at("sum_ns"), 0.02))
      << word.wait_ns << " against " << truth.at("sum_ns");
}

TEST(Signals, HandlerWithRestartMakesTwoWaits) {
  Workload workload({"stopcont", "plain", "300", "restart"});
  Watch watch(workload.pid());
  workload.go();
  workload.expect("asleep");
  const auto truth = workload.expect("done");
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  EXPECT_EQ(word.interrupted, 1U);
  EXPECT_EQ(word.woken, 1U);
  EXPECT_TRUE(within(static_cast<double>(word.wait_ns), truth.at("sum_ns"), 0.02))
      << word.wait_ns << " against " << truth.at("sum_ns");
}

}  // namespace
}  // namespace cw::test
