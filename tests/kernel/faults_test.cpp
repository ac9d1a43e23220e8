// What goes wrong on a real machine. Whatever it is: no crash, no hang, the target intact, nothing
// left behind, and what could not be seen is counted.
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "child_process.h"
#include "command.h"
#include "control_group.h"

namespace cw::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

void sleep_for(milliseconds time) {
  std::this_thread::sleep_for(time);
}

std::vector<std::string> watching(pid_t pid, const std::string& interval = "0.5") {
  return command({"--pid", std::to_string(pid), "-i", interval, "--waits", "--format", "json"});
}

// Stopped by a signal; everything it printed after its first line.
std::vector<json> stop(ChildProcess& observer) {
  observer.send(SIGINT);
  const auto reports = reports_in(observer.read_all());
  EXPECT_EQ(observer.wait(), 0);
  return reports;
}

void expect_no_program_left() {
  std::string programs;
  for (int tries = 0; tries < 50; tries++) {
    ChildProcess list({"/usr/sbin/bpftool", "prog", "list"});
    programs = list.read_all();
    if (programs.find("enter_call") == std::string::npos &&
        programs.find("begin_futex") == std::string::npos &&
        programs.find("exit_thread") == std::string::npos)
      return;
    sleep_for(milliseconds(100));
  }
  ADD_FAILURE() << "left behind: " << programs;
}

TEST(Faults, ObserverKilledAtAnyMoment) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Workload workload({"ops", "timed_wait", "600", "5"});
  workload.go();
  for (int i = 0; i < 8; i++) {
    ChildProcess observer(watching(workload.pid(), "0.1"));
    sleep_for(milliseconds(random() % 500));
    observer.send(SIGKILL);
    EXPECT_EQ(observer.wait(), 128 + SIGKILL);
  }
  expect_no_program_left();
  const json truth = workload.expect("done");
  EXPECT_EQ(truth.at("timed_out"), 600);
  EXPECT_EQ(workload.finish(), 0);
}

TEST(Faults, TargetStopped) {
  Workload workload({"ops", "timed_wait", "100", "10"});
  ChildProcess observer(watching(workload.pid()));
  observer.read_line();
  workload.go();
  sleep_for(milliseconds(200));
  workload.send(SIGSTOP);
  for (int i = 0; i < 3; i++) EXPECT_FALSE(observer.read_line().empty());
  workload.send(SIGCONT);
  workload.expect("done");
  stop(observer);
}

TEST(Faults, TargetTracedByAnother) {
  Workload workload({"ops", "timed_wait", "100", "10"});
  ASSERT_EQ(ptrace(PTRACE_SEIZE, workload.pid(), nullptr, nullptr), 0);
  ASSERT_EQ(ptrace(PTRACE_INTERRUPT, workload.pid(), nullptr, nullptr), 0);
  int status = 0;
  ASSERT_EQ(waitpid(workload.pid(), &status, 0), workload.pid());
  ChildProcess observer(watching(workload.pid()));
  EXPECT_FALSE(observer.read_line().empty());
  EXPECT_FALSE(observer.read_line().empty());
  ASSERT_EQ(ptrace(PTRACE_DETACH, workload.pid(), nullptr, nullptr), 0);
  workload.run();
  const auto reports = stop(observer);
  EXPECT_EQ(all_waits(reports), 100U);
}

TEST(Faults, TargetKilledForItsMemory) {
  const ControlGroup group = ControlGroup::with_memory(64 << 20);
  Workload workload({"life", "eat"});
  group.add(workload.pid());
  ChildProcess observer(watching(workload.pid()));
  observer.read_line();
  workload.go();
  const auto reports = reports_in(observer.read_all());
  EXPECT_EQ(observer.wait(), 0);
  EXPECT_EQ(workload.wait(), 128 + SIGKILL);
  ASSERT_FALSE(reports.empty());
  EXPECT_TRUE(reports.back().at("final").get<bool>());
}

// A script that a shell runs; gone with the test.
class Script {
 public:
  explicit Script(const std::string& text)
      : path_(testing::TempDir() + "contentionwatch-script-" + std::to_string(getpid())) {
    std::ofstream(path_) << "#!/bin/sh\n" << text;
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  ~Script() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Faults, TargetThatExecutesItselfInALoop) {
  const Script script("read go\n[ $1 -gt 0 ] && exec \"$0\" $(($1-1)) </dev/null\nexec sleep 1\n");
  ChildProcess target({script.path(), "1500"});
  ChildProcess observer(watching(target.pid()));
  observer.read_line();
  target.write("go\n");
  const auto reports = reports_in(observer.read_all());  // ends when the target ends
  EXPECT_EQ(observer.wait(), 0);
  EXPECT_EQ(target.wait(), 0);
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports.back().at("processes").size(), 1U);
}

TEST(Faults, ForkStorm) {
  const Script script(
      "read go\ni=0\nwhile [ $i -lt 2000 ]; do (:) & i=$((i+1)); done\nwait\nexit 0\n");
  ChildProcess target({script.path()});
  auto arguments = watching(target.pid());
  arguments.emplace_back("--children");
  ChildProcess observer(arguments);
  observer.read_line();
  target.write("go\n");
  const auto reports = reports_in(observer.read_all());
  EXPECT_EQ(observer.wait(), 0);
  EXPECT_EQ(target.wait(), 0);
  ASSERT_FALSE(reports.empty());
  EXPECT_LT(reports.back().at("fidelity").at("self_rss_bytes").get<double>(), 100e6);
}

// Counting goes on in the kernel; the report comes late, says so, and is not made up for by others.
TEST(Faults, ObserverHeldUpForTenSeconds) {
  Workload workload({"ops", "timed_wait", "500", "10"});
  ChildProcess observer(watching(workload.pid(), "1"));
  const json first = json::parse(observer.read_line());
  workload.go();
  observer.send(SIGSTOP);
  sleep_for(milliseconds(10'000));
  observer.send(SIGCONT);
  workload.expect("done");
  sleep_for(milliseconds(2'500));
  auto reports = stop(observer);
  reports.insert(reports.begin(), first);
  EXPECT_EQ(all_waits(reports), 500U);
  double longest = 0;
  for (const json& report : reports) {
    const double length = report.at("interval_s").get<double>();
    longest = std::max(longest, length);
    if (!report.at("final").get<bool>()) {
      EXPECT_GT(length, 0.4);
    }
    for (const json& row : report.at("waits")) EXPECT_LE(row.at("busy_share").get<double>(), 1.0);
  }
  EXPECT_GT(longest, 9.0);
}

TEST(Faults, TwoObserversSeeTheSame) {
  Workload workload({"ops", "timed_wait", "100", "5"});
  ChildProcess one(watching(workload.pid()));
  ChildProcess other(watching(workload.pid()));
  one.read_line();
  other.read_line();
  workload.run();
  EXPECT_EQ(all_waits(stop(one)), 100U);
  EXPECT_EQ(all_waits(stop(other)), 100U);
}

TEST(Faults, ObserverOfItself) {
  const Script script("exec \"$@\" --pid $$ -i 0.5 -d 1 --format json\n");
  ChildProcess observer({script.path(), command({})[0]});
  const auto reports = reports_in(observer.read_all());
  EXPECT_EQ(observer.wait(), 0);
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[1].at("processes").at(0).at("pid"), observer.pid());
}

// Waits that the reports show, or count as lost.
void expect_all_accounted_for(const std::string& output, std::uint64_t waits) {
  std::uint64_t seen = 0;
  for (const json& report : reports_in(output)) {
    seen += report.at("idle_waits").at("count").get<std::uint64_t>();
    for (const char* table : {"locks", "waits"}) {
      for (const json& row : report.at(table)) seen += row.at("waits").get<std::uint64_t>();
      const std::string rest = std::string(table) + "_not_listed";
      if (report.contains(rest)) seen += report.at(rest).at("waits").get<std::uint64_t>();
    }
    seen += report.at("fidelity").at("lost").at("waits").get<std::uint64_t>();
  }
  EXPECT_GE(seen, waits);
}

// What the group allows is too little for the maps to grow, or even to be made.
TEST(Faults, KernelMemoryRefused) {
  const ControlGroup group = ControlGroup::with_memory(64 << 20);
  Workload workload({"words", "100000", "2", "1"});
  const Script script("read go\nexec \"$@\"\n");
  std::vector<std::string> arguments = watching(workload.pid());
  arguments.insert(arguments.begin(), script.path());
  ChildProcess observer(arguments, true);
  group.add(observer.pid());
  observer.write("go\n");
  const std::string first = observer.read_line();
  workload.run();
  if (first.empty()) {  // refused at once: one line says so, unless the kernel killed it
    const std::string errors = observer.read_errors();
    const int exit = observer.wait();
    EXPECT_NE(exit, 0);
    EXPECT_EQ(lines_in(errors), exit == 128 + SIGKILL ? 0U : 1U) << errors;
  } else {
    observer.send(SIGINT);
    const std::string output = observer.read_all();
    const int exit = observer.wait();
    EXPECT_TRUE(exit == 0 || exit == 128 + SIGKILL) << exit;
    // A kernel that kills it may do so in the middle of a line.
    if (exit == 0) expect_all_accounted_for(output, 100'000);
  }
  expect_no_program_left();
  EXPECT_EQ(workload.finish(), 0);
}

}  // namespace
}  // namespace cw::test
