// Waits whose stack was not taken when they began: they get it while they last.
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "app/sleepers.h"
#include "child_process.h"
#include "process/unwind_files.h"
#include "watch.h"

namespace cw::test {
namespace {

using namespace std::chrono_literals;

Snapshot read(Watch& watch) {
  auto snapshot = watch.probes().snapshot();
  EXPECT_TRUE(snapshot) << snapshot.error().message;
  return *snapshot;
}

// As where busier locks have used up the budget.
TEST(Sleepers, ADeadlocksStacksAreTakenLaterWhereTheBudgetAllowedNone) {
  Workload workload({"deadlock", "later"});
  Watch watch(workload.pid());
  watch.probes().sample_stacks({.granted = 0});
  workload.run();
  std::this_thread::sleep_for(500ms);
  UnwindFiles files;
  Snapshot now = read(watch);
  const std::set<std::uint32_t> stuck = {workload.ready().at("a_then_b").get<std::uint32_t>(),
                                         workload.ready().at("b_then_a").get<std::uint32_t>()};
  const auto expect_stacks = [&](const Snapshot& snapshot) {
    std::set<std::uint32_t> whole;
    for (const WaitInProgress& wait : snapshot.in_progress) {
      if (!stuck.contains(wait.tid)) continue;
      const WalkedStack stack = watch.probes().stack(wait.stack);
      if (stack.outermost && stack.frames.size() >= 4) whole.insert(wait.tid);
    }
    EXPECT_EQ(whole, stuck);
  };
  for (const WaitInProgress& wait : now.in_progress) EXPECT_EQ(wait.stack, 0U);
  add_missing_stacks(watch.probes(), now, files);
  expect_stacks(now);
  expect_stacks(read(watch));
}

TEST(Sleepers, AWaitThatGotItsStackLateIsCountedUnderItOnce) {
  Workload workload({"stopcont", "plain", "600"});
  Watch watch(workload.pid());
  watch.probes().sample_stacks({.granted = 0});
  workload.go();
  workload.expect("asleep");
  std::this_thread::sleep_for(300ms);
  UnwindFiles files;
  Snapshot now = read(watch);
  add_missing_stacks(watch.probes(), now, files);
  workload.expect("done");
  const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
  ASSERT_EQ(word.wait_sites.size(), 1U);
  EXPECT_EQ(word.wait_sites[0].waits, 1U);
  EXPECT_GE(word.wait_sites[0].wait_ns, 500'000'000U);
  EXPECT_TRUE(watch.probes().stack(word.wait_sites[0].stack).outermost);
}

}  // namespace
}  // namespace cw::test
