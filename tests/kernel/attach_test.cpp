// Attaching and going away again leave the machine as it was.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "child_process.h"
#include "probes/features.h"
#include "watch.h"

namespace cw::test {
namespace {

std::string file_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Attach, LeavesTheMountTableAlone) {
  const std::string before = file_text("/proc/self/mountinfo");
  {
    const Workload workload({"never"});
    ProbeOptions options;
    options.hooks = HookSet::kTracepoints;
    const Watch watch(workload.pid(), options);
    EXPECT_EQ(file_text("/proc/self/mountinfo"), before);
  }
  EXPECT_EQ(file_text("/proc/self/mountinfo"), before);
}

TEST(Attach, TracepointsAreNamed) {
  const Workload workload({"never"});
  ProbeOptions options;
  options.hooks = HookSet::kTracepoints;
  Watch watch(workload.pid(), options);
  const auto hooks = watch.probes().hooks();
  EXPECT_NE(std::ranges::find(hooks, "tracepoint/syscalls/sys_enter_futex"), hooks.end());
  EXPECT_EQ(watch.probes().hook_set(), HookSet::kTracepoints);
}

// Whichever set automatic choice takes must work; it takes functions where these can be hooked.
TEST(Attach, AutomaticChoiceWorks) {
  unsetenv("CW_TEST_HOOKS");
  Workload workload({"ops", "wait", "3", "2"});
  Watch watch(workload.pid());
  EXPECT_EQ(watch.probes().hook_set() == HookSet::kFunctions,
            try_features().function_hooks.worked());
  workload.run();
  EXPECT_EQ(sum_of_words(watch.interval()).woken, 3U);
}

}  // namespace
}  // namespace cw::test
