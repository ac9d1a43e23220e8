// Somebody sets the clock while we watch. Steps the clock of the machine it runs on, so it refuses
// to run on any that was not started for it.
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "child_process.h"
#include "file_text.h"

namespace cw::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

void step_clock(long seconds) {
  timespec now{};
  ASSERT_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
  const time_t before = now.tv_sec;
  now.tv_sec += seconds;
  ASSERT_EQ(clock_settime(CLOCK_REALTIME, &now), 0);
  ASSERT_NEAR(static_cast<double>(time(nullptr) - before), static_cast<double>(seconds), 2);
}

TEST(Clock, StepsChangeNoFigure) {
  ASSERT_NE(file_text("/proc/cmdline").find("contentionwatch.vm"), std::string::npos)
      << "not on this machine: its clock is in use";
  Workload workload({"ops", "timed_wait", "40", "50"});
  ChildProcess command({CW_COMMAND, "--pid", std::to_string(workload.pid()), "-i", "1", "-d", "4",
                        "--format", "json"});
  std::vector<json> reports{json::parse(command.read_line())};
  workload.go();
  for (const long seconds : {86'400L, -2 * 86'400L, 3'600L, 90'000L - 7'200L}) {
    std::this_thread::sleep_for(milliseconds(500));
    step_clock(seconds);
  }
  const json truth = workload.expect("done");
  for (std::string line; !(line = command.read_line()).empty();)
    reports.push_back(json::parse(line));
  EXPECT_EQ(command.wait(), 0);

  ASSERT_EQ(reports.size(), 4U);
  std::uint64_t waits = 0;
  double sum_ns = 0;
  bool jumped_back = false;
  for (const json& report : reports) {
    SCOPED_TRACE(report.dump());
    EXPECT_NEAR(report.at("interval_s").get<double>(), 1, 0.2);
    waits += report.at("idle_waits").at("count").get<std::uint64_t>();
    for (const json& lock : report.at("locks")) {
      waits += lock.at("waits").get<std::uint64_t>();
      sum_ns += lock.at("wait_ns").at("sum").get<double>();
      EXPECT_LE(lock.at("waiters_mean").get<double>(), 1.01);
      EXPECT_LE(lock.at("busy_share").get<double>(), 1.01);
    }
  }
  // The reports tell the time of day as it was, so the steps show in them and nowhere else.
  for (std::size_t i = 1; i < reports.size(); i++)
    jumped_back |= reports[i].at("started") < reports[i - 1].at("started");
  EXPECT_TRUE(jumped_back);
  EXPECT_EQ(waits, truth.at("waits").get<std::uint64_t>());
  EXPECT_EQ(waits, 40U);
  EXPECT_NEAR(sum_ns / truth.at("sum_ns").get<double>(), 1, 0.1);
}

}  // namespace
}  // namespace cw::test
