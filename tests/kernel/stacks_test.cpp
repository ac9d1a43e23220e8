// Stacks of programs without frame pointers, as the report shows them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "child_process.h"
#include "command.h"
#include "program.h"

namespace cw::test {
namespace {

using nlohmann::json;

// The stack of most of the waiting in the report; none is an empty one.
json main_stack(const json& report) {
  for (const char* list : {"locks", "waits"})
    for (const json& row : report.at(list))
      if (row.at("waits") != 0 && !row.at("waiters").empty())
        return row.at("waiters").at(0).at("stack");
  return json::array();
}

// Whether `parts` are in `functions` in this order, one right behind the other.
bool holds_in_a_row(const Functions& functions, const Functions& parts) {
  return !std::ranges::search(functions, parts).empty();
}

// The last report of a program that waits where the arguments say.
json last_report(Workload& workload) {
  ChildProcess observer(command({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "3",
                                 "--waits", "--budget", "100", "--format", "json"}));
  observer.read_line();  // it began before the work did
  workload.go();
  const auto reports = reports_in(observer.read_all());
  EXPECT_EQ(observer.wait(), 0);
  return reports.empty() ? json::object() : reports.back();
}

json last_report(const std::vector<std::string>& arguments) {
  Workload workload(arguments);
  return last_report(workload);
}

void expect_complete(const json& report) {
  EXPECT_EQ(report.at("fidelity").at("stacks_complete_share"), 1.0) << main_stack(report).dump(1);
  EXPECT_EQ(report.at("fidelity").at("lost").at("stacks"), 0);
}

TEST(Stacks, GoThroughFramesOfEveryShape) {
  const json report = last_report({"stacks", "chain"});
  const Functions functions = functions_of(main_stack(report));
  EXPECT_TRUE(holds_in_a_row(functions, {"third", "second", "first"})) << json(functions);
  expect_complete(report);
}

TEST(Stacks, AreDeep) {
  const json report = last_report({"stacks", "deep", "60"});
  const Functions functions = functions_of(main_stack(report));
  EXPECT_EQ(std::ranges::count(functions, "deeper"), 61) << json(functions);
  expect_complete(report);
}

TEST(Stacks, ThatAreTooDeepAreCutAndMarked) {
  const json report = last_report({"stacks", "deep", "200"});
  EXPECT_EQ(std::ranges::count(main_stack(report), false,
                               [](const json& frame) { return frame.at("inlined").get<bool>(); }),
            127);
  EXPECT_LT(report.at("fidelity").at("stacks_complete_share"), 1.0);
}

TEST(Stacks, GoThroughASignalsFrameToAnotherStack) {
  const json report = last_report({"stacks", "signal"});
  const Functions functions = functions_of(main_stack(report));
  EXPECT_TRUE(holds_in_a_row(functions, {"third", "on_signal"})) << json(functions);
  EXPECT_NE(std::ranges::find(functions, "raise_here"), functions.end()) << json(functions);
  expect_complete(report);
}

TEST(Stacks, GoThroughCodeMadeAtRunTimeAndMarkIt) {
  const json report = last_report({"stacks", "jit"});
  const json stack = main_stack(report);
  const auto third = std::ranges::find(
      stack, "third", [](const json& frame) { return frame.at("function").get<std::string>(); });
  ASSERT_GT(stack.end() - third, 2) << stack.dump(1);
  EXPECT_FALSE((third + 1)->contains("guessed")) << "its caller's rows lead to it";
  EXPECT_TRUE((third + 2)->at("guessed")) << "but only the frame pointer out of it";
  expect_complete(report);
}

TEST(Stacks, GoThroughALibraryLoadedLater) {
  const json report =
      last_report({"stacks", "library", std::string(CW_WORKLOADS) + "/stacks_library.so"});
  const Functions functions = functions_of(main_stack(report));
  EXPECT_TRUE(holds_in_a_row(functions, {"third", "through_library"})) << json(functions);
  expect_complete(report);
}

TEST(Stacks, GoThroughTheCLibrary) {
  const json report = last_report({"stacks", "callback"});
  const Functions functions = functions_of(main_stack(report));
  EXPECT_TRUE(holds_in_a_row(functions, {"third", "compare"})) << json(functions);
  expect_complete(report);
}

// Who waited before we came has a stack as whole as who begins to wait now.
TEST(Stacks, OfThreadsThatWaitAlreadyAreWhole) {
  Workload workload({"deadlock"});
  workload.go();
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "1", "--waits",
                       "--format", "json"});
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 1U) << ran.errors;
  const json* lock = lock_at(reports[0], workload.address("lock_a"));
  ASSERT_NE(lock, nullptr);
  EXPECT_GT(lock->at("waiters").at(0).at("stack").size(), 4U) << lock->at("waiters").dump(1);
  expect_complete(reports[0]);
}

TEST(Stacks, OfAnInterpreterAreComplete) {
  ChildProcess python({"/usr/bin/python3", "-c",
                       "import threading, sys\n"
                       "gate = threading.Condition()\n"
                       "def inner():\n"
                       "    with gate:\n"
                       "        gate.wait(0.002)\n"
                       "def outer():\n"
                       "    while True: inner()\n"
                       "threading.Thread(target=outer, daemon=True).start()\n"
                       "print('ready', flush=True)\n"
                       "sys.stdin.read()\n"});
  ASSERT_EQ(python.read_line(), "ready");
  const Ran ran = run(
      {"--pid", std::to_string(python.pid()), "-i", "1", "-d", "2", "--waits", "--format", "json"});
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 2U) << ran.errors;
  EXPECT_GT(main_stack(reports[1]).size(), 8U);
  expect_complete(reports[1]);
  python.close_input();
}

}  // namespace
}  // namespace cw::test
