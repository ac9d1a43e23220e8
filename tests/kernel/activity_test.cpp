// Who ran and who rested, by the kernel's own times.
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "app/activity.h"
#include "child_process.h"
#include "process/proc.h"
#include "watch.h"

namespace cw::test {
namespace {

constexpr std::size_t kIdle = 50;

Workload crowd() {
  return Workload({"crowd", "100", "2", "1", "0", std::to_string(kIdle)});
}

std::unordered_map<std::int32_t, ProcessTimes> times_of(Watch& watch) {
  auto times = watch.probes().times();
  EXPECT_TRUE(times) << times.error().message;
  return times.value_or(std::unordered_map<std::int32_t, ProcessTimes>());
}

// Its threads have come to rest, too.
void wait_for_rest(Watch& watch, std::int32_t pid) {
  ProcessTimes before;
  for (int i = 0; i < 100; ++i) {
    const ProcessTimes now = times_of(watch)[pid];
    if (now == before && !now.runnable) return;
    before = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ADD_FAILURE() << "it does not come to rest";
}

TEST(Activity, TimesAreThoseOfProc) {
  const Workload workload = crowd();
  Watch watch(workload.pid());
  wait_for_rest(watch, workload.pid());
  ThreadTimes sum;
  const auto tids = tids_of(workload.pid());
  EXPECT_GT(tids.size(), kIdle);
  for (const std::int32_t tid : tids) {
    const auto times = thread_times_of(workload.pid(), tid);
    ASSERT_TRUE(times);
    sum.cpu_ns += times->cpu_ns;
    sum.run_delay_ns += times->run_delay_ns;
  }
  const auto times = times_of(watch);
  ASSERT_EQ(times.size(), 1U);  // and not ours, for one
  const ProcessTimes& process = times.at(workload.pid());
  EXPECT_EQ(process.threads, tids.size());
  EXPECT_EQ(process.cpu_ns, sum.cpu_ns);
  EXPECT_EQ(process.run_delay_ns, sum.run_delay_ns);
  EXPECT_FALSE(process.runnable);
}

TEST(Activity, TellsWhoRanFromWhoRested) {
  Workload works = crowd();
  const Workload rests = crowd();
  Watch watch(works.pid());
  ASSERT_TRUE(watch.probes().watch(rests.pid(), "crowd"));
  wait_for_rest(watch, works.pid());
  wait_for_rest(watch, rests.pid());
  Activity activity;
  activity.update(times_of(watch));
  const std::uint64_t before = activity.ran(works.pid());
  const std::uint64_t resting = activity.ran(rests.pid());
  EXPECT_NE(before, 0U);
  activity.update(times_of(watch));
  EXPECT_EQ(activity.ran(works.pid()), before);
  works.run();
  activity.update(times_of(watch));
  EXPECT_NE(activity.ran(works.pid()), before);
  EXPECT_EQ(activity.ran(rests.pid()), resting);
  EXPECT_EQ(activity.ran(::getpid()), 0U);
}

TEST(Activity, KeepsWhatEndedThreadsUsed) {
  Watch watch(::getpid());
  const std::uint64_t before = times_of(watch)[::getpid()].ended_cpu_ns;
  std::thread([] {
    const auto cpu_ns = [] {
      return thread_times_of(::getpid(), ::gettid()).value_or(ThreadTimes()).cpu_ns;
    };
    const std::uint64_t begin = cpu_ns();
    while (cpu_ns() - begin < 50'000'000) continue;
  }).join();
  // Whoever joins it may be told before the kernel has added it up.
  std::uint64_t used = 0;
  for (int i = 0; i < 100 && used == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    used = times_of(watch)[::getpid()].ended_cpu_ns - before;
  }
  EXPECT_GE(used, 50'000'000U);
  EXPECT_LT(used, 500'000'000U);
}

// Its time is brought up to date at the next tick only, so it may look as if it had stood still.
TEST(Activity, OneThatIsOnACpuRuns) {
  Activity activity;
  activity.update({{7, {.threads = 1, .cpu_ns = 5, .runnable = true}}});
  const std::uint64_t before = activity.ran(7);
  activity.update({{7, {.threads = 1, .cpu_ns = 5, .runnable = true}}});
  EXPECT_NE(activity.ran(7), before);
  activity.update({{7, {.threads = 1, .cpu_ns = 5}}});  // and ran between the two
  EXPECT_NE(activity.ran(7), before + 1);
}

}  // namespace
}  // namespace cw::test
