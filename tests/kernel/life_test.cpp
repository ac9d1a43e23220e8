// Processes that end, are replaced, multiply or die within an interval.
#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <thread>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

// All words of the images of `pid` whose ended_ns is (not) 0.
std::uint64_t waits_of_images(const Interval& interval, std::int32_t pid, bool ended) {
  std::uint64_t waits = 0;
  for (const Word& word : interval.grown) {
    const auto image = interval.images.find(static_cast<ImageId>(word.key.space));
    if (image != interval.images.end() && image->second.pid == pid &&
        (image->second.ended_ns != 0) == ended)
      waits += waits_of(word);
  }
  return waits;
}

TEST(Life, FiguresOfAnExitedProcessAreKeptForTheNextReading) {
  Workload workload({"life", "exit", "10", "2"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  EXPECT_EQ(workload.wait(), 0);
  const Interval interval = watch.interval();
  EXPECT_EQ(waits_of_images(interval, workload.pid(), true),
            truth.at("waits").get<std::uint64_t>());
  // Seen once more, then forgotten.
  EXPECT_TRUE(watch.interval().grown.empty());
  EXPECT_TRUE(watch.interval().images.empty());
}

TEST(Life, ExecInheritsNothing) {
  Workload workload({"life", "exec", "10", "7", "2"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  EXPECT_EQ(waits_of_images(interval, workload.pid(), true),
            truth.at("waits_before").get<std::uint64_t>());
  EXPECT_EQ(waits_of_images(interval, workload.pid(), false),
            truth.at("waits").get<std::uint64_t>());
}

TEST(Life, ForkedChildIsNotWatched) {
  Workload workload({"life", "fork", "10", "7", "2"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  EXPECT_EQ(waits_of(sum_of_words(interval)), truth.at("waits").get<std::uint64_t>());
  for (const auto& [id, image] : interval.images) EXPECT_EQ(image.pid, workload.pid());
}

TEST(Life, ForkedChildHasItsOwnWordsMachineWide) {
  Workload workload({"life", "fork", "10", "7", "2"});
  Watch watch = Watch::machine();
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  const auto child = truth.at("child").get<std::int32_t>();
  EXPECT_EQ(waits_of(word_at(interval, workload.pid(), workload.address("word"))),
            truth.at("waits").get<std::uint64_t>());
  EXPECT_EQ(waits_of(word_at(interval, child, workload.address("word"))),
            truth.at("child_waits").get<std::uint64_t>());
}

TEST(Life, KilledWhileWaiting) {
  Workload workload({"life", "kill", "10", "2"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  EXPECT_EQ(workload.wait(), 128 + SIGKILL);
  const Interval interval = watch.interval();
  const Word word = sum_of_words(interval);
  EXPECT_EQ(word.timed_out, truth.at("waits").get<std::uint64_t>());
  EXPECT_EQ(word.interrupted, 1U);  // death ended it
  for (const Word& each : interval.grown) EXPECT_EQ(each.waiters, 0U);
  EXPECT_TRUE(interval.in_progress.empty());
  EXPECT_EQ(interval.losses, Losses{});
}

// New threads are watched without a word from user space: mutex4's were there before, so take a
// program that makes its threads under observation.
TEST(Life, ThreadsBornLaterAreWatched) {
  Workload workload({"idle_pool", "join", "3", "4", "20"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  EXPECT_GE(waits_of(sum_of_words(interval)), truth.at("waits").get<std::uint64_t>());
}

}  // namespace
}  // namespace cw::test
