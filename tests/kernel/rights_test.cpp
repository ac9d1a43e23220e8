// The rights the observer needs, and those it keeps once its hooks are attached.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "child_process.h"
#include "command.h"
#include "model/rights.h"

namespace cw::test {
namespace {

using nlohmann::json;

// /proc/PID/status, by key.
std::map<std::string, std::string> process_status_of(pid_t pid) {
  std::map<std::string, std::string> status;
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(":\t");
    if (colon != std::string::npos) status[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return status;
}

int number_in(const char* path) {
  std::ifstream file(path);
  int number = -1;
  file >> number;
  return number;
}

std::uint64_t mask_of(const json& names) {
  std::uint64_t mask = 0;
  for (const Right& right : kRights)
    for (const json& name : names)
      if (name == right.name) mask |= std::uint64_t{1} << static_cast<unsigned>(right.number);
  return mask;
}

std::uint64_t mask_of(const std::string& hex) {
  return std::stoull(hex, nullptr, 16);
}

TEST(RightsKept, AreExactlyThoseReported) {
  const Workload workload({"never"});
  // Probes that come one by one take a right more, which one thread keeps.
  ChildProcess observer(command({"--pid", std::to_string(workload.pid()), "-i", "0.5", "--format",
                                 "json", "--uprobes", "multi"}));
  const json report = json::parse(observer.read_line());
  const json& kept = report.at("fidelity").at("rights_kept");
  auto status = process_status_of(observer.pid());
  json expected{"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE"};
  // Tables for code that is loaded later are maps of their own.
  if (number_in("/proc/sys/kernel/unprivileged_bpf_disabled") != 0) expected.push_back("CAP_BPF");
  EXPECT_EQ(mask_of(kept), mask_of(expected));
  for (const char* set : {"CapEff", "CapPrm", "CapBnd"})
    EXPECT_EQ(mask_of(status[set]), mask_of(kept)) << set;
  for (const char* set : {"CapInh", "CapAmb"}) EXPECT_EQ(mask_of(status[set]), 0U) << set;
  EXPECT_EQ(status["NoNewPrivs"], "1");
}

// All that is read of this process is read with the rights that were kept.
TEST(RightsKept, SufficeForAProcessOfAnotherUserThatStartsLater) {
  // All stacks, whatever the rest of the machine takes of the budget.
  ChildProcess observer(command({"-i", "1", "--format", "json", "--top", "50", "--budget", "100"}));
  observer.read_line();
  const Workload workload({"deadlock"}, kAsAnotherUser);
  observer.read_line();
  const json report = json::parse(observer.read_line());
  const json* lock = lock_at(report, workload.address("lock_a"));
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->at("name"), "lock_a");
  EXPECT_EQ(lock->at("owner").at("tid"), workload.ready().at("a_then_b"));
  ASSERT_FALSE(lock->at("waiters").empty());
  EXPECT_FALSE(lock->at("waiters").at(0).at("stack").empty());
}

TEST(RightsKept, SufficeForNamesAndSleepOfAnotherUsersThreads) {
  Workload workload({"mutex4", "4", "60", "100"}, kAsAnotherUser);
  ChildProcess observer(
      command({"--pid", std::to_string(workload.pid()), "-i", "1", "--format", "json"}));
  observer.read_line();
  workload.go();
  observer.read_line();
  const json report = json::parse(observer.read_line());
  const json* lock = lock_at(report, workload.address("lock"));
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->at("name"), "hot_lock");
  EXPECT_GE(lock->at("threads"), 3);  // one may hold it all the time
  const json& process = report.at("processes").at(0);
  EXPECT_TRUE(process.at("exe").get<std::string>().ends_with("/mutex4"));
  EXPECT_FALSE(process.at("sleeping_in").empty());
}

}  // namespace
}  // namespace cw::test
