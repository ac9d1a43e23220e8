// Our stacks of threads that wait, frame by frame beside what gdb says of the same threads at the
// same place: it stops them, which the observer never does.
#include <gtest/gtest.h>

#include <fstream>

#include "program.h"

namespace cw::test {
namespace {

using nlohmann::json;

// A line a thread: [[function, offset in it], ...], innermost first, without inlined frames and
// those that gdb infers of a jump. The offset is that of the symbol table's nearest name, null
// without one.
constexpr const char* kScript = R"(
import gdb, json, re
gdb.execute("set backtrace past-main on")
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frame, frames = gdb.newest_frame(), []
    while frame is not None and frame.is_valid():
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            symbol = gdb.execute("info symbol %d" % frame.pc(), to_string=True)
            offset = re.search(r" \+ (\d+) in section", symbol)
            frames.append([frame.name() or "", int(offset.group(1)) if offset else None])
        frame = frame.older()
    print("thread " + json.dumps(frames))
)";

std::vector<json> stacks_by_gdb(pid_t pid) {
  const TemporaryFolder folder;
  std::ofstream(folder / "stacks.py") << kScript;
  ChildProcess gdb({"/usr/bin/gdb", "-nx", "-batch", "-ex", "set auto-load off", "-p",
                    std::to_string(pid), "-x", folder / "stacks.py"},
                   true);
  gdb.close_input();
  std::istringstream lines(gdb.read_all());
  std::vector<json> stacks;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("thread ")) stacks.push_back(json::parse(line.substr(7)));
  EXPECT_EQ(gdb.wait(), 0) << gdb.read_errors();
  return stacks;
}

struct Agreement {
  std::size_t frames = 0;  // that gdb has a name for
  std::size_t agreed = 0;
};

bool has_name(const json& function) {
  return !function.get<std::string>().empty();
}

// One address may have several names, so the distance from it counts as well as the name.
bool agrees(const json& ours, const json& theirs) {
  if (ours.at("function") == theirs.at(0)) return true;
  return has_name(ours.at("function")) && theirs.at(1).is_number() &&
         ours.at("offset") == theirs.at(1);
}

// None when they are not of the same depth: another thread's.
std::optional<Agreement> compared(const json& stack, const json& theirs) {
  std::vector<json> ours;
  for (const json& frame : stack)
    if (!frame.at("inlined").get<bool>() && !frame.value("inferred", false)) ours.push_back(frame);
  if (ours.size() != theirs.size()) return std::nullopt;
  Agreement sum;
  for (std::size_t i = 0; i < ours.size(); i++) {
    if (!has_name(theirs.at(i).at(0))) continue;
    sum.frames++;
    if (agrees(ours.at(i), theirs.at(i))) sum.agreed++;
  }
  return sum;
}

// Of the thread that agrees best: which thread a stack is of is not in the report.
Agreement best_of(const json& stack, const std::vector<json>& by_gdb) {
  Agreement best;
  for (const json& theirs : by_gdb)
    if (const auto sum = compared(stack, theirs); sum && sum->agreed >= best.agreed) best = *sum;
  EXPECT_GT(best.frames, 0U) << "no thread has such a stack: " << stack.dump(1);
  return best;
}

// All its threads that wait do so all the while.
void expect_gdb_agrees(pid_t pid, std::size_t at_least_frames) {
  const json report = watched(pid);
  const auto by_gdb = stacks_by_gdb(pid);
  Agreement sum;
  std::string differing;
  for (const json& row : rows_of(report))
    for (const json& waiters : row.at("waiters")) {
      const Agreement best = best_of(waiters.at("stack"), by_gdb);
      if (best.agreed != best.frames) differing += waiters.at("stack").dump(1);
      sum.frames += best.frames;
      sum.agreed += best.agreed;
    }
  EXPECT_GE(sum.frames, at_least_frames);
  EXPECT_GE(static_cast<double>(sum.agreed), kNearlyAll * static_cast<double>(sum.frames))
      << sum.agreed << " of " << sum.frames << "\n"
      << differing << json(by_gdb).dump();
}

TEST(Debugger, AgreesAboutAnInterpreter) {
  ChildProcess python({"/usr/bin/python3", "-c",
                       "import threading, sys, queue\n"
                       "orders, gate = queue.Queue(), threading.Lock()\n"
                       "def settle(key): return gate.acquire()\n"
                       "def sort(): sorted([1, 2], key=settle)\n"
                       "gate.acquire()\n"
                       "threading.Thread(target=sort, daemon=True).start()\n"
                       "threading.Thread(target=orders.get, daemon=True).start()\n"
                       "print('ready', flush=True)\n"
                       "sys.stdin.read()\n"});
  ASSERT_EQ(python.read_line(), "ready");
  expect_gdb_agrees(python.pid(), 20);
}

TEST(Debugger, AgreesAboutAServer) {
  const TemporaryFolder folder;
  const ChildProcess server({"/usr/bin/redis-server", "--port", "0", "--unixsocket",
                             folder / "socket", "--io-threads", "3", "--save", "", "--logfile",
                             folder / "log"});
  ASSERT_TRUE(succeeds_soon({"/usr/bin/redis-cli", "-s", folder / "socket", "ping"}));
  expect_gdb_agrees(server.pid(), 20);
}

TEST(Debugger, AgreesAboutRust) {
  Workload workload({"orders_rust", "park"});
  workload.go();
  expect_gdb_agrees(workload.pid(), 12);
}

}  // namespace
}  // namespace cw::test
