// Somebody sets the clock while we watch. The test does so itself, so it refuses to run on a
// machine that was not started for it.
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <iterator>
#include <thread>

#include "child_process.h"
#include "command.h"

namespace cw::test {
namespace {

using nlohmann::json;

bool in_our_machine() {
  std::ifstream file("/proc/cmdline");
  const std::string options{std::istreambuf_iterator<char>(file), {}};
  return options.find("contentionwatch.vm") != std::string::npos;
}

void step_clock(long seconds) {
  timespec now{};
  ASSERT_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
  const time_t before = now.tv_sec;
  now.tv_sec += seconds;
  ASSERT_EQ(clock_settime(CLOCK_REALTIME, &now), 0);
  ASSERT_NEAR(static_cast<double>(time(nullptr) - before), static_cast<double>(seconds), 2);
}

TEST(Clock, StepsChangeNoFigure) {
  ASSERT_TRUE(in_our_machine()) << "the clock of this machine is in use";
  Workload workload({"ops", "timed_wait", "40", "50"});
  ChildProcess observer(command({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "4",
                                 "--waits", "--format", "json"}));
  const std::string first = observer.read_line();
  workload.go();
  for (const long seconds : {86'400L, -2 * 86'400L, 3'600L, 86'400L - 3'600L}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    step_clock(seconds);
  }
  const json truth = workload.expect("done");
  const auto reports = reports_in(first + "\n" + observer.read_all());
  EXPECT_EQ(observer.wait(), 0);

  ASSERT_EQ(reports.size(), 4U);
  std::uint64_t waits = 0;
  double wait_ns = 0;
  double all_s = 0;
  bool back_in_time = false;
  for (std::size_t i = 0; i < reports.size(); i++) {
    SCOPED_TRACE(reports[i].dump());
    all_s += reports[i].at("interval_s").get<double>();
    // The time of day is told as it was: there, and only there, the steps are seen.
    back_in_time |= i > 0 && reports[i].at("started") < reports[i - 1].at("started");
    for (const char* table : {"locks", "waits"})
      for (const json& row : reports[i].at(table)) {
        waits += row.at("waits").get<std::uint64_t>();
        wait_ns += row.at("wait_ns").at("sum").get<double>();
        // One thread, but for the time in which an emulated machine reads its maps.
        EXPECT_LE(row.at("waiters_mean").get<double>(), 1.05);
        EXPECT_LE(row.at("busy_share").get<double>(), 1);
      }
  }
  EXPECT_TRUE(back_in_time);
  EXPECT_LT(all_s, 600) << "the smallest step is an hour; a slow machine takes seconds more";
  EXPECT_EQ(truth.at("waits"), 40);
  EXPECT_EQ(waits, 40U);
  EXPECT_NEAR(wait_ns / truth.at("sum_ns").get<double>(), 1, 0.1);
}

}  // namespace
}  // namespace cw::test
