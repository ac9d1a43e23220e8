// Kernels that were locked down when they were started (kernel_lockdown(7)).
#include <gtest/gtest.h>

#include "child_process.h"
#include "file_text.h"

namespace cw::test {
namespace {

using nlohmann::json;

bool locked_down_to(const std::string& level) {
  return file_text("/sys/kernel/security/lockdown").find("[" + level + "]") != std::string::npos;
}

// Identifiers and names of all BPF programs in the kernel.
std::string programs() {
  ChildProcess list({"/usr/sbin/bpftool", "prog", "list"});
  std::string text = list.read_all();
  EXPECT_EQ(list.wait(), 0);
  return text;
}

TEST(LockdownIntegrity, WatchesAsEver) {
  ASSERT_TRUE(locked_down_to("integrity"));
  Workload workload({"ops", "timed_wait", "20", "20"});
  ChildProcess command({CW_COMMAND, "--pid", std::to_string(workload.pid()), "-i", "1", "-d", "2",
                        "--format", "json"});
  std::vector<json> reports{json::parse(command.read_line())};
  workload.run();
  reports.push_back(json::parse(command.read_line()));
  EXPECT_EQ(command.wait(), 0);
  std::uint64_t waits = 0;
  for (const json& report : reports) {
    waits += report.at("idle_waits").at("count").get<std::uint64_t>();
    for (const json& lock : report.at("locks")) waits += lock.at("waits").get<std::uint64_t>();
  }
  EXPECT_EQ(waits, 20U);
}

TEST(LockdownConfidentiality, IsRefusedInOneLine) {
  ASSERT_TRUE(locked_down_to("confidentiality"));
  const std::string before = programs();
  ChildProcess command({CW_COMMAND, "--pid", "1", "-i", "1", "-d", "1"}, true);
  EXPECT_EQ(command.read_all(), "");
  const std::string errors = command.read_errors();
  EXPECT_EQ(command.wait(), 3);
  EXPECT_TRUE(errors.starts_with("contentionwatch: ")) << errors;
  EXPECT_EQ(std::ranges::count(errors, '\n'), 1) << errors;
  EXPECT_NE(errors.find("lockdown"), std::string::npos) << errors;
  EXPECT_EQ(programs(), before);
}

}  // namespace
}  // namespace cw::test
