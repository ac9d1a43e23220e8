// Allocations and memory of real processes, against what these count themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <stdexcept>
#include <thread>

#include "child_process.h"
#include "code_changes.h"
#include "command.h"

namespace cw::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

struct Watched {
  std::vector<json> reports;
  json truth;
  int exit = -1;
};

// Watches a workload that works until it is told to stop.
Watched watch(std::vector<std::string> work, const std::vector<std::string>& options) {
  Workload workload(std::move(work));
  std::vector<std::string> arguments = {"--pid", std::to_string(workload.pid()), "--format",
                                        "json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  ChildProcess observer(command(arguments));
  workload.go();
  Watched watched;
  watched.reports = reports_in(observer.read_all());
  watched.exit = observer.wait();
  workload.stop();
  watched.truth = workload.expect("done");
  EXPECT_EQ(workload.finish(), 0);
  return watched;
}

const json& glibc_in(const json& report) {
  for (const json& row : report.at("allocators"))
    if (row.at("allocator").get<std::string>().starts_with("glibc")) return row;
  throw std::runtime_error("no row of glibc: " + report.at("allocators").dump());
}

// The truth lies in the interval; as the workload counts for a little longer than it is watched,
// and machines are never quite steady, give or take a twentieth.
bool covers(const json& estimate, double truth) {
  return estimate.at("low").get<double>() <= truth * 1.05 &&
         (!estimate.contains("high") || estimate.at("high").get<double>() >= truth * 0.95);
}

// Of what is watched: the estimate, in the allocator's row, and what the workload counted itself.
using Holds = bool (*)(const json& row, double truth);

bool allocs_are_covered(const json& row, double truth) {
  return row.contains("allocs_per_s") && covers(row.at("allocs_per_s"), truth);
}
bool allocs_are_close(const json& row, double truth) {
  return allocs_are_covered(row, truth) &&
         std::abs(row.at("allocs_per_s").at("estimate").get<double>() - truth) <= 0.10 * truth;
}

// An interval that covers 95 times of a hundred may miss once, but hardly twice.
Watched watch_for_rate(const std::vector<std::string>& work,
                       const std::vector<std::string>& options, Holds holds) {
  std::string missed;
  for (int tries = 0; tries < 2; ++tries) {
    Watched watched = watch(work, options);
    const json& row = glibc_in(watched.reports.back());
    const auto truth = watched.truth.at("per_s").get<double>();
    if (holds(row, truth)) return watched;
    missed += "\n" + row.dump().substr(0, 600) + " but truly " + std::to_string(truth);
  }
  throw std::runtime_error("missed twice:" + missed);
}

TEST(Alloc, RateOfABusyProcess) {
  const Watched watched = watch_for_rate(
      {"alloc_work", "busy", "1", "0", "400"}, {"-i", "10", "-d", "10"},
      [](const json& row, double truth) {
        return allocs_are_covered(row, truth) && covers(row.at("frees_per_s"), truth);
      });
  const json& row = glibc_in(watched.reports.back());
  EXPECT_GE(row.at("allocs_per_s").at("low").get<double>(),
            watched.truth.at("per_s").get<double>() * 0.02)
      << "says too little";
}

// 40,000 blocks a second, with some work on each.
TEST(Alloc, RateSizesAndSitesOfAPacedProcess) {
  const Watched watched = watch_for_rate({"alloc_work", "paced", "2", "0", "20000"},
                                         {"-i", "20", "-d", "20"}, allocs_are_close);
  const json& row = glibc_in(watched.reports.back());
  const auto truth = watched.truth.at("per_s").get<double>();
  const double mean =
      watched.truth.at("bytes").get<double>() / watched.truth.at("allocs").get<double>();
  EXPECT_NEAR(row.at("size_bytes").at("mean").get<double>(), mean, 0.05 * mean);
  EXPECT_NEAR(row.at("size_bytes").at("p50").get<double>(), 48, 6);
  EXPECT_NEAR(row.at("size_bytes").at("p99").get<double>(), 1000, 64);
  EXPECT_NEAR(row.at("bytes_per_s").at("estimate").get<double>(), truth * mean,
              0.20 * truth * mean);
  double shares = 0;
  for (const json& site : row.at("sites")) shares += site.at("share_allocs").get<double>();
  EXPECT_NEAR(shares, 1, 0.01);
}

TEST(Alloc, KeepsItsBudget) {
  const Watched watched = watch({"alloc_work", "busy", "1", "0", "20"}, {"-i", "10", "-d", "10"});
  const double paid = watched.reports.back().at("fidelity").at("alloc_overhead_pct").get<double>();
  EXPECT_LT(paid, 1.2);
  EXPECT_GT(paid, 0);
}

// What hardly runs is left alone: attaching would be most of what it pays.
TEST(Alloc, AllocatesOnlyAtStart) {
  const Watched watched = watch({"alloc_work", "once", "1", "0"}, {"-i", "3", "-d", "9"});
  const json& row = glibc_in(watched.reports.back());
  EXPECT_TRUE(row.value("remark", "").find("too little") != std::string::npos) << row.dump();
  EXPECT_EQ(row.at("level"), "fine");
  EXPECT_EQ(watched.reports.back().at("fidelity").value("alloc_overhead_pct", 0.0), 0);
}

// Windows open in no step with what a program's clock paces, nor does it matter how little it does.
TEST(Alloc, RateOfAProcessThatMostlySleeps) {
  watch_for_rate({"alloc_work", "paced", "2", "0", "4000", "1"}, {"-i", "20", "-d", "20"},
                 allocs_are_close);
}

// Whether they lack a CPU depends on the machine; if so, no figure is better than a wrong one.
TEST(Alloc, SixtyFourThreads) {
  watch_for_rate({"alloc_work", "paced", "64", "0"}, {"-i", "12", "-d", "12", "--budget", "10"},
                 [](const json& row, double truth) {
                   return row.contains("allocs_per_s")
                              ? allocs_are_covered(row, truth)
                              : row.at("arithmetic").get<std::string>().contains("lack a CPU");
                 });
}

// What throws through operator new goes on throwing, and nothing of ours is in its way.
TEST(Alloc, ThrowingProcessLives) {
  const Watched watched = watch({"alloc_work", "throw", "2", "0"}, {"-i", "2", "-d", "5"});
  EXPECT_EQ(watched.exit, 0);
  EXPECT_GT(watched.truth.at("allocs").get<std::uint64_t>(), 1000U);
}

// Children are born with the probes in their memory, at any time of a window.
TEST(Alloc, ForkingProcessAndItsChildrenLive) {
  const Watched watched = watch({"alloc_work", "fork", "1", "6"}, {"-i", "2", "-d", "5"});
  EXPECT_EQ(watched.exit, 0);
  EXPECT_EQ(watched.truth.at("failed"), 0);
}

TEST(Alloc, ProbesThatStayCountTheSame) {
  const Watched watched =
      watch({"alloc_work", "paced", "1", "0"}, {"-i", "4", "-d", "4", "--alloc-mode", "full"});
  const json& row = glibc_in(watched.reports.back());
  EXPECT_EQ(row.at("mode"), "full");
  const auto truth = watched.truth.at("per_s").get<double>();
  EXPECT_NEAR(row.at("allocs_per_s").at("estimate").get<double>(), truth, 0.05 * truth);
}

// As on kernels without uprobe.multi: rarer windows that take longer to open and to close.
TEST(Alloc, ProbesThatComeOneByOne) {
  const Watched watched = watch_for_rate(
      {"alloc_work", "paced", "1", "0", "4000"},
      {"-i", "20", "-d", "20", "--uprobes", "single", "--budget", "100"}, allocs_are_covered);
  const json& hooks = watched.reports.back().at("fidelity").at("hooks");
  EXPECT_NE(std::ranges::find(hooks, "uprobe"), hooks.end()) << hooks.dump();
  EXPECT_EQ(std::ranges::find(hooks, "uprobe.multi"), hooks.end()) << hooks.dump();
  const json& row = glibc_in(watched.reports.back());
  EXPECT_TRUE(row.at("lifetime_remark").get<std::string>().contains("uprobe.multi"));
}

TEST(Alloc, TargetThatEndsInTheMiddle) {
  for (const int after_ms : {100, 900, 1400}) {
    Workload workload({"alloc_work", "busy", "2", "60"});
    ChildProcess observer(
        command({"--pid", std::to_string(workload.pid()), "--format", "json", "-i", "2"}));
    workload.go();
    std::this_thread::sleep_for(milliseconds(after_ms));
    workload.send(SIGKILL);
    workload.wait();
    const auto reports = reports_in(observer.read_all());
    EXPECT_EQ(observer.wait(), reports.empty() ? 4 : 0);
  }
}

TEST(Alloc, KilledObserverLeavesNoProbe) {
  Workload workload({"alloc_work", "busy", "1", "60"});
  workload.go();
  std::size_t seen_armed = 0;
  for (int round = 0; round < 6; ++round) {
    ChildProcess observer(command({"--pid", std::to_string(workload.pid()), "--alloc-mode", "full",
                                   "--observe", "alloc", "-i", "1"}));
    for (int i = 0; i < 200 && changed_libc_bytes(workload.pid()) == 0; ++i)
      std::this_thread::sleep_for(milliseconds(20));
    seen_armed += changed_libc_bytes(workload.pid()) != 0 ? 1 : 0;
    observer.send(SIGKILL);
    observer.wait();
    for (int i = 0; i < 200 && changed_libc_bytes(workload.pid()) != 0; ++i)
      std::this_thread::sleep_for(milliseconds(20));
    EXPECT_EQ(changed_libc_bytes(workload.pid()), 0U);
  }
  EXPECT_EQ(seen_armed, 6U) << "nothing was probed, so nothing was proved";
}

TEST(Memory, CallsAndFaultsAreCounted) {
  Workload workload({"alloc_faults", "8"});
  ChildProcess observer(command({"--pid", std::to_string(workload.pid()), "--format", "json",
                                 "--observe", "memory", "-i", "4", "-d", "6"}));
  std::this_thread::sleep_for(milliseconds(500));
  workload.go();
  const std::vector<json> reports = reports_in(observer.read_all());
  const json truth = workload.expect("done");
  const double rounds_per_s =
      truth.at("rounds").get<double>() / (truth.at("elapsed_ns").get<double>() / 1e9);
  const json& row = reports.back().at("memory").at(0);
  for (const char* call : {"mmap_per_s", "munmap_per_s", "madvise_per_s"})
    EXPECT_NEAR(row.at(call).get<double>(), rounds_per_s, 0.15 * rounds_per_s) << call;
  EXPECT_NEAR(row.at("minor_faults_per_s").get<double>(), 64 * rounds_per_s,
              0.15 * 64 * rounds_per_s);
  ASSERT_FALSE(row.at("sites").empty());
  EXPECT_EQ(row.at("sites")[0].at("stack")[0].at("function").get<std::string>().find("(anonymous"),
            0U);
  EXPECT_FALSE(reports.back().contains("allocators"));
}

}  // namespace
}  // namespace cw::test
