// Stacks of a few events of a busy word, which stand for all.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

// Sums over the sites of a word, as the kernel side kept them.
struct Sums {
  double waits = 0;
  double wait_ns = 0;
  double wakes = 0;
  double charged_ns = 0;
};
Sums sums_of(const Word& word) {
  Sums sums;
  for (const WaitSite& site : word.wait_sites) {
    sums.waits += static_cast<double>(site.waits);
    sums.wait_ns += static_cast<double>(site.wait_ns);
  }
  for (const WakeSite& site : word.wake_sites) {
    sums.wakes += static_cast<double>(site.wakes);
    sums.charged_ns += static_cast<double>(site.charged_ns);
  }
  return sums;
}

// Four threads that often find the lock taken.
Workload busy(const std::string& seconds) {
  return Workload({"mutex4", "4", seconds, "5", "5"});
}

TEST(Sampling, FewStacksOfABusyWordStandForAllItsEventsAndTheirTime) {
  Workload workload = busy("3");
  Watch watch(workload.pid());
  watch.probes().sample_stacks({.at_a_rate = 50, .granted = 1U << 30U});
  workload.run();
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("lock"));
  const HookCost cost = watch.probes().cost();
  ASSERT_GT(cost.stacks_wanted, 1'500U) << "it is not busy";
  // 50 of waits and of wakes at each rate, which is halved until it does.
  EXPECT_LT(cost.stacks_taken, 50 * 2 * 12U);
  EXPECT_LT(cost.stacks_taken, cost.stacks_wanted * 3 / 4);
  const Sums sums = sums_of(watch.last().words.at(word.id));
  EXPECT_TRUE(within(sums.waits, static_cast<double>(word.woken), 0.4)) << sums.waits;
  EXPECT_TRUE(within(sums.wait_ns, static_cast<double>(word.wait_ns), 0.4)) << sums.wait_ns;
  EXPECT_TRUE(within(sums.wakes, static_cast<double>(word.wakes), 0.4)) << sums.wakes;
  EXPECT_TRUE(within(sums.charged_ns, static_cast<double>(word.charged_ns), 0.4))
      << sums.charged_ns;
}

// Waits of 1 us, which nobody ends: as many on a busy machine.
TEST(Sampling, TheNextLookBeginsAtTheRateThatWouldHaveDone) {
  constexpr std::uint32_t kAtARate = 10;
  Workload workload({"rate", "timed", "1", "3"});
  Watch watch(workload.pid());
  std::vector<HookCost> looks;
  workload.go();
  for (int look = 0; look < 3; ++look) {
    watch.probes().sample_stacks({.at_a_rate = kAtARate, .granted = 1U << 30U});
    looks.push_back(watch.probes().cost());
    std::this_thread::sleep_for(std::chrono::milliseconds(800));
  }
  workload.expect("done");
  const std::uint64_t wanted = looks[2].stacks_wanted - looks[1].stacks_wanted;
  const std::uint64_t taken = looks[2].stacks_taken - looks[1].stacks_taken;
  ASSERT_GT(wanted, 1'000U) << "it is not busy";
  // Half of that to all of it, and as many again of the long ones; the rest is for a load that
  // grows.
  EXPECT_LT(taken, kAtARate * 4);
  EXPECT_GE(taken, kAtARate / 4);
}

TEST(Sampling, NoMoreThanWasGrantedAreTaken) {
  Workload workload = busy("1");
  Watch watch(workload.pid());
  const HookCost before = watch.probes().cost();
  watch.probes().sample_stacks({.at_a_rate = 65'535, .granted = 100});
  workload.run();
  const HookCost after = watch.probes().cost();
  EXPECT_GT(after.stacks_wanted - before.stacks_wanted, 500U);
  EXPECT_LE(after.stacks_taken - before.stacks_taken, 100U + 8) << "several CPUs may take the last";
  EXPECT_GE(after.stacks_taken - before.stacks_taken, 50U);
}

}  // namespace
}  // namespace cw::test
