// Programs in several languages, linked and kept in all the ways that a program can be.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "command.h"
#include "program.h"

namespace cw::test {
namespace {

using nlohmann::json;

const std::string kWorkloads = CW_WORKLOADS "/";

json report_of(Workload& workload) {
  workload.go();
  return watched(workload.pid());
}

json report_of(const std::vector<std::string>& arguments) {
  Workload workload(arguments);
  return report_of(workload);
}

// What one must read of a lock that four threads fight for.
void expect_hot(const json& report, const std::string& kind, const std::string& name) {
  ASSERT_FALSE(report.at("locks").empty()) << report.dump(1);
  const json& lock = report.at("locks").at(0);
  EXPECT_EQ(lock.at("kind"), kind) << lock.dump(1);
  EXPECT_EQ(lock.at("name"), name) << lock.dump(1);
  EXPECT_NE(lock.at("level"), "fine");
  EXPECT_GE(lock.at("threads"), 3) << "one may have it all the while";
}

// --- Rust ---

TEST(Rust, MutexInAStaticVariable) {
  const json report = report_of({"orders_rust", "mutex"});
  expect_hot(report, "mutex", "orders::LEDGER");
  EXPECT_TRUE(waits_in(report.at("locks").at(0), {"orders::settle_order"})) << report.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

TEST(Rust, MutexOnTheHeapIsNamedByWhereItIsLocked) {
  const json report = report_of({"orders_rust", "heap"});
  expect_hot(report, "mutex", "heap, locked in orders::ship_order");
  EXPECT_TRUE(waits_in(report.at("locks").at(0), {"orders::ship_order"})) << report.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

TEST(Rust, ReadersAndWritersOfARwlockAreToldApart) {
  const json report = report_of({"orders_rust", "rwlock"});
  expect_hot(report, "rwlock", "orders::PRICES");
  const json& lock = report.at("locks").at(0);
  for (const json& waiters : lock.at("waiters")) {
    const bool reads = waiters.at("mode") == "read";
    EXPECT_TRUE(in_order(functions_of(waiters.at("stack")),
                         {reads ? "orders::look_up_price" : "orders::change_price"}))
        << waiters.dump(1);
  }
  EXPECT_GE(lock.at("waiters").size(), 2U);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

// Of what its threads do not contend for; returns the row.
json expect_idle(const json& report, const std::string& name) {
  EXPECT_EQ(report.at("verdict").at("level"), "fine") << report.at("verdict");
  EXPECT_GE(complete_share(report), kNearlyAll);
  json row = row_of(report, "park");
  EXPECT_FALSE(row.is_null()) << report.dump(1);
  if (row.is_null()) return json::object();
  EXPECT_EQ(row.at("name"), name);
  return row;
}

TEST(Rust, EmptyChannelIsIdle) {
  const json channel =
      expect_idle(report_of({"orders_rust", "channel"}), "heap, waited for in orders::take_orders");
  EXPECT_EQ(channel.value("primitive", ""), "channel");
}

TEST(Rust, ParkedThreadsAreIdle) {
  expect_idle(report_of({"orders_rust", "park"}), "heap, waited for in orders::rest");
}

// --- Go: its mutexes make no system call, so its runtime is probed ---

class GoMutex : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Programs, GoMutex, testing::Values("orders_go", "orders_go_stripped"));

// Eight goroutines, of which one has it.
TEST_P(GoMutex, IsWaitedForByGoroutines) {
  const json report = report_of({GetParam()});
  EXPECT_EQ(report.at("verdict").at("level"), "culprit") << report.dump(1);
  const json& lock = report.at("locks").at(0);
  EXPECT_EQ(lock.at("kind"), "mutex");
  EXPECT_EQ(lock.at("primitive"), "sync.Mutex");
  EXPECT_EQ(lock.at("waited_by"), "goroutines");
  EXPECT_EQ(lock.at("name"), "heap, locked in main.(*ledger).settle");
  EXPECT_NEAR(lock.at("waiters_mean").get<double>(), 7, 1.5);
  EXPECT_GE(lock.at("busy_share").get<double>(), 0.9);
  EXPECT_TRUE(waits_in(lock, {"sync.(*Mutex).lockSlow", "main.(*ledger).settle"})) << lock.dump(1);
  ASSERT_FALSE(lock.at("releasers").empty());
  EXPECT_TRUE(in_order(functions_of(lock.at("releasers").at(0).at("stack")),
                       {"sync.(*Mutex).unlockSlow", "main.(*ledger).settle"}))
      << lock.dump(1);
  // They are no threads of the process.
  const json& threads = report.at("processes").at(0).at("threads_mean");
  EXPECT_LE(threads.at("lock_wait").get<double>(), 1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

TEST(Go, ReadersAndWritersWaitForOneLock) {
  const json report = report_of({"orders_go", "prices"});
  const json& lock = report.at("locks").at(0);
  EXPECT_EQ(lock.at("kind"), "rwlock") << report.dump(1);
  EXPECT_EQ(lock.at("name"), "main.book");
  EXPECT_EQ(lock.at("waiters").at(0).at("mode"), "read");
  EXPECT_TRUE(waits_in(lock, {"main.lookUp"})) << lock.dump(1);
  EXPECT_TRUE(in_order(functions_of(lock.at("releasers").at(0).at("stack")), {"main.change"}))
      << lock.dump(1);
}

TEST(Go, AWaitGroupIsNoLock) {
  const json report = report_of({"orders_go", "group"});
  EXPECT_EQ(report.at("verdict").at("level"), "fine") << report.dump(1);
  for (const json& lock : report.at("locks")) EXPECT_NE(lock.at("waited_by"), "goroutines");
}

TEST(Go, ItsRuntimesThreadsAreIdle) {
  const json report = report_of({"orders_go"});
  EXPECT_NE(report.at("processes").at(0).at("runtimes").dump().find("Go"), std::string::npos);
  const json parked = row_of(report, "park");
  ASSERT_FALSE(parked.is_null()) << report.dump(1);
  EXPECT_EQ(parked.at("primitive"), "Go note");
  EXPECT_TRUE(waits_in(parked, {"runtime.futexsleep", "runtime.notesleep"}) ||
              waits_in(parked, {"runtime.futexsleep", "runtime.notetsleep"}))
      << parked.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
  expect_cut_stacks_are_marked(report);
}

// Its lock is the runtime's, and whoever sends and receives is to be seen; without symbols, too.
TEST(Go, ChannelThatManyUseIsNamedByItsUsers) {
  const json report = report_of({"orders_go_stripped", "channel"});
  ASSERT_FALSE(report.at("locks").empty()) << report.dump(1);
  const json& lock = report.at("locks").at(0);
  EXPECT_EQ(lock.at("kind"), "mutex");
  EXPECT_EQ(lock.at("primitive"), "lock of a Go channel");
  const std::string name = lock.at("name");
  EXPECT_TRUE(name == "heap, locked in main.send" || name == "heap, locked in main.receive")
      << name;
  EXPECT_TRUE(waits_in(lock, {"runtime.lock2", "main.send", "runtime.goexit"}) ||
              waits_in(lock, {"runtime.lock2", "main.receive", "runtime.goexit"}))
      << lock.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

// C code on a stack of its own, called from one that Go has made.
TEST(Go, CallsToCAreFollowedToTheGoroutine) {
  const json report = report_of({"orders_cgo"});
  expect_hot(report, "mutex", "stock");
  EXPECT_TRUE(waits_in(report.at("locks").at(0),
                       {"pthread_mutex_lock", "ship_order", "runtime.asmcgocall.abi0", "main.ship",
                        "runtime.goexit.abi0"}))
      << report.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

// --- Java: with neither a map of its methods nor frame pointers in them ---

json report_of_java(const std::string& what) {
  Workload workload({"Orders.java", what}, {"/usr/bin/java"});
  workload.go();
  std::this_thread::sleep_for(std::chrono::seconds(3));  // by then its methods are compiled
  json report = watched(workload.pid());
  // Or are while we look, on a busy machine: stacks end in what was compiled a moment ago.
  const json& locks = report.at("locks");
  const bool ends_below = !locks.empty() && locks.at(0).at("name").get<std::string>().find(
                                                "Orders") == std::string::npos;
  return ends_below ? watched(workload.pid()) : report;
}

// Its hottest lock is one of these, held in a method of the program.
void expect_hot_in_java(const json& report, const std::string& primitive) {
  ASSERT_FALSE(report.at("locks").empty()) << report.dump(1);
  const json& lock = report.at("locks").at(0);
  EXPECT_EQ(lock.at("kind"), "mutex");
  EXPECT_EQ(lock.at("primitive"), primitive);
  EXPECT_TRUE(lock.at("name").get<std::string>().starts_with(primitive + " locked in Orders"))
      << lock.at("name");
  EXPECT_NE(lock.at("level"), "fine");
  EXPECT_GE(complete_share(report), 0.9);
}

TEST(Java, MonitorIsALockAndItsMethodsHaveNames) {
  const json report = report_of_java("monitor");
  expect_hot_in_java(report, "Java monitor");
  ASSERT_FALSE(report.at("locks").empty());
  EXPECT_TRUE(waits_in(report.at("locks").at(0), {"java.lang.Thread.run", "clone3"}))
      << report.dump(1);
}

TEST(Java, LockOfItsLibraryIsToldFromIdleThreads) {
  expect_hot_in_java(report_of_java("lock"), "Java lock");
}

TEST(Java, InterpretedMethodsHaveNames) {
  const json report = report_of_java("interpreted");
  const json row = row_of(report, "mutex", "Java monitor locked in Orders.settleSlowly");
  ASSERT_FALSE(row.is_null()) << report.dump(1);
  EXPECT_TRUE(waits_in(row, {"Orders.settleSlowly", "java.lang.Thread.run", "clone3"}))
      << row.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

TEST(Java, IdlePoolIsNoContention) {
  const json report = report_of_java("idle");
  EXPECT_EQ(report.at("verdict").at("level"), "fine") << report.at("verdict");
  const json pool = row_of(report, "condvar", "Java condition waited for in java.util.concurrent");
  ASSERT_FALSE(pool.is_null()) << report.dump(1);
  EXPECT_TRUE(waits_in(pool, {"java.util.concurrent.ThreadPoolExecutor.getTask", "clone3"}))
      << pool.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

// --- C, with another C library in it ---

TEST(Musl, StaticProgramsMutexIsNamed) {
  const json report = report_of({"settle_musl"});
  expect_hot(report, "mutex", "ledger");
  // Debian builds it without tables to unwind by: they are made of its code.
  EXPECT_TRUE(waits_in(report.at("locks").at(0), {"pthread_mutex_timedlock", "settle_order"}))
      << report.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
  expect_cut_stacks_are_marked(report);
}

// --- C++ without names ---

TEST(Stripped, LockIsNamedByItsPlaceInTheFile) {
  const json report = report_of({"mutex4_stripped", "4", "60", "100"});
  ASSERT_FALSE(report.at("locks").empty()) << report.dump(1);
  const json& lock = report.at("locks").at(0);
  EXPECT_EQ(lock.at("kind"), "mutex");
  EXPECT_TRUE(lock.at("name").get<std::string>().starts_with("bss mutex4_stripped+0x")) << lock;
  const json& stack = lock.at("waiters").at(0).at("stack");
  EXPECT_TRUE(std::ranges::any_of(stack, [](const json& frame) {
    return frame.at("module") == "mutex4_stripped" &&
           frame.at("function").get<std::string>().empty() && frame.at("offset") != 0;
  })) << stack.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

TEST(Stripped, ExportedFunctionsKeepTheirNames) {
  const json report = report_of({"stacks_stripped", "chain"});
  const json row = rows_of(report).at(0);
  EXPECT_TRUE(waits_in(row, {"third", "second", "first"})) << row.dump(1);
  EXPECT_TRUE(std::ranges::any_of(row.at("waiters").at(0).at("stack"), [](const json& frame) {
    return frame.at("module") == "stacks_stripped" &&
           frame.at("function").get<std::string>().empty();
  })) << row.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

// --- programs whose files are not where they were, or never were where we look ---

void expect_mutex4(const json& report) {
  expect_hot(report, "mutex", "hot_lock");
  const json& waiters = report.at("locks").at(0).at("waiters");
  EXPECT_TRUE(std::ranges::any_of(waiters.at(0).at("stack"), [](const json& frame) {
    return frame.at("function").get<std::string>().contains("contend(");
  })) << waiters.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

TEST(Kept, DeletedProgramKeepsItsNames) {
  const TemporaryFolder folder;
  std::filesystem::copy_file(kWorkloads + "mutex4", folder / "mutex4");
  Workload workload({"mutex4", "4", "60", "100"},
                    {"/usr/bin/env", "-C", "/", "--", "/bin/sh", "-c",
                     "shift; exec " + (folder / "mutex4") + " \"$@\"", "sh"});
  std::filesystem::remove(folder / "mutex4");
  expect_mutex4(report_of(workload));
}

// In a file system that only it sees, with libraries of its own there.
TEST(Kept, ProgramInAChrootAndMountNamespace) {
  const TemporaryFolder folder;
  const std::string root = folder.path();
  Workload workload({"mutex4", "4", "60", "100"},
                    {"/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                     "mount -t tmpfs none " + root + " && cd " + root + " && cp \"$1\" . && " +
                         "cp --parents -L $(ldd \"$1\" | grep -o '/[^ ]*') . && shift && "
                         "exec /usr/sbin/chroot . /mutex4 \"$@\"",
                     "sh"});
  ASSERT_FALSE(std::filesystem::exists(folder / "mutex4"));
  expect_mutex4(report_of(workload));
}

// --- two threads that wait for each other ---

TEST(Deadlock, IsPrintedWithItsCircle) {
  const Workload workload({"deadlock"});
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "2", "--format",
                       "text", "--fail-on", "culprit"});
  EXPECT_EQ(ran.exit, 10) << ran.errors;
  for (const char* part : {"DEADLOCK", "lock_a", "lock_b", "waits for mutex"})
    EXPECT_NE(ran.output.find(part), std::string::npos) << part << "\n" << ran.output;
  for (const char* holder : {"a_then_b", "b_then_a"})
    EXPECT_NE(ran.output.find(workload.ready().at(holder).dump()), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace cw::test
