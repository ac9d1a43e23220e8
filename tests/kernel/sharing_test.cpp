// One futex in memory that two processes map at different addresses.
#include <gtest/gtest.h>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

class Shared : public testing::TestWithParam<std::string> {};

TEST_P(Shared, IsOneWordAcrossProcesses) {
  Workload workload({"shared2", GetParam(), "10", "5"});
  Watch watch(workload.pid());
  const auto child = workload.ready().at("child").get<std::int32_t>();
  ASSERT_TRUE(watch.probes().watch(child, "child").has_value());
  const auto truth = workload.run();
  const Interval interval = watch.interval();

  ASSERT_EQ(interval.grown.size(), 1U);
  const Word& word = interval.grown.front();
  EXPECT_EQ(word.key.scope, WordKey::Scope::kFile);
  EXPECT_EQ(word.key.address, workload.ready().at("offset").get<std::uint64_t>());
  std::uint64_t waits = 0;
  double sum_ns = 0;
  for (const auto& side : truth.at("sides")) {
    waits += side.at("waits").get<std::uint64_t>();
    sum_ns += side.at("sum_ns").get<double>();
  }
  EXPECT_EQ(waits_of(word), waits);
  EXPECT_EQ(word.distinct, 2U);
  EXPECT_EQ(word.wakes, truth.at("wakes").get<std::uint64_t>());
  EXPECT_TRUE(within(static_cast<double>(word.wait_ns), sum_ns, 0.05))
      << word.wait_ns << " against " << sum_ns;
}

// A wake counts whoever makes it, watched or not; a wait only of those who are watched.
TEST_P(Shared, WakesOfBystandersCount) {
  Workload workload({"shared2", GetParam(), "10", "5"});
  Watch watch(workload.pid());
  const auto truth = workload.run();
  const Interval interval = watch.interval();
  ASSERT_EQ(interval.grown.size(), 1U);
  const Word& word = interval.grown.front();
  EXPECT_EQ(waits_of(word), truth.at("sides")[0].at("waits").get<std::uint64_t>());
  ASSERT_FALSE(word.wake_sites.empty());
  bool by_bystander = false;
  for (const WakeSite& site : word.wake_sites) {
    const Image& image = interval.images.at(site.image);
    by_bystander |= image.pid == workload.ready().at("child").get<std::int32_t>() &&
                    image.watched == Watched::kNo;
  }
  EXPECT_TRUE(by_bystander);
}

INSTANTIATE_TEST_SUITE_P(Backing, Shared, testing::Values("memfd", "shm"),
                         [](const auto& about) { return about.param; });

}  // namespace
}  // namespace cw::test
