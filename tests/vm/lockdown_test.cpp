// Kernels that were locked down when they were started: kernel_lockdown(7).
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "child_process.h"
#include "command.h"

namespace cw::test {
namespace {

using nlohmann::json;

std::string lockdown() {
  std::ifstream file("/sys/kernel/security/lockdown");
  return {std::istreambuf_iterator<char>(file), {}};
}

// All BPF programs in the kernel.
std::string programs() {
  ChildProcess list({"/usr/sbin/bpftool", "prog", "list"});
  std::string text = list.read_all();
  EXPECT_EQ(list.wait(), 0);
  return text;
}

TEST(LockdownIntegrity, WatchesAsEver) {
  ASSERT_NE(lockdown().find("[integrity]"), std::string::npos) << lockdown();
  Workload workload({"ops", "timed_wait", "20", "20"});
  ChildProcess observer(command(
      {"--pid", std::to_string(workload.pid()), "-i", "0.5", "--waits", "--format", "json"}));
  const std::string first = observer.read_line();
  workload.run();
  observer.send(SIGINT);
  std::uint64_t waits = 0;
  for (const json& report : reports_in(first + "\n" + observer.read_all()))
    for (const char* table : {"locks", "waits"})
      for (const json& row : report.at(table)) waits += row.at("waits").get<std::uint64_t>();
  EXPECT_EQ(observer.wait(), 0);
  EXPECT_EQ(waits, 20U);
}

TEST(LockdownIntegrity, DoctorIsContent) {
  ASSERT_NE(lockdown().find("[integrity]"), std::string::npos) << lockdown();
  const Ran ran = run({"doctor"});
  EXPECT_EQ(ran.exit, 0) << ran.errors << ran.output;
}

TEST(LockdownConfidentiality, IsRefusedInOneLine) {
  ASSERT_NE(lockdown().find("[confidentiality]"), std::string::npos) << lockdown();
  const std::string before = programs();
  const Ran ran = run({"--pid", "1", "-i", "1", "-d", "1"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.output, "");
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_TRUE(ran.errors.starts_with("contentionwatch: ")) << ran.errors;
  EXPECT_NE(ran.errors.find("lockdown"), std::string::npos) << ran.errors;
  EXPECT_EQ(programs(), before);
}

TEST(LockdownConfidentiality, DoctorNamesIt) {
  ASSERT_NE(lockdown().find("[confidentiality]"), std::string::npos) << lockdown();
  const std::string before = programs();
  const Ran ran = run({"doctor"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_NE(ran.errors.find("lockdown"), std::string::npos) << ran.errors << ran.output;
  EXPECT_EQ(programs(), before);
}

}  // namespace
}  // namespace cw::test
