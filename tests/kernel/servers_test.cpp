// Servers and interpreters as Debian builds them: optimised, stripped, without frame pointers.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "program.h"

namespace cw::test {
namespace {

using nlohmann::json;

std::string debug_files_name(const auto& about) {
  return about.param == DebugFiles::kAll ? "AllDebugFiles" : "NoDebugFiles";
}

const auto kBoth = testing::Values(DebugFiles::kAll, DebugFiles::kNone);

// --- Redis: a thread for everything, helpers for input and output ---

class Redis : public testing::TestWithParam<DebugFiles> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(succeeds_soon({"/usr/bin/redis-cli", "-s", socket_, "ping"}));
  }

  TemporaryFolder folder_;
  std::string socket_ = folder_ / "redis.sock";
  ChildProcess server_{{"/usr/bin/redis-server", "--port", "0", "--unixsocket", socket_,
                        "--io-threads", "3", "--io-threads-do-reads", "yes", "--save", "",
                        "--appendonly", "no", "--logfile", folder_ / "log"}};
};

INSTANTIATE_TEST_SUITE_P(Servers, Redis, kBoth,
                         [](const auto& about) { return debug_files_name(about); });

TEST_P(Redis, UnderLoadItsHelpersAreIdle) {
  const ChildProcess load({"/usr/bin/redis-benchmark", "-s", socket_, "-q", "-n", "100000000", "-c",
                           "50", "-t", "set,get", "-P", "4"},
                          true);
  const json report = watched(server_.pid(), GetParam());
  EXPECT_NE(report.at("verdict").at("level"), "culprit") << report.at("verdict");
  bool found = false;
  for (const json& row : report.at("waits"))
    if (row.at("kind") == "condvar" && waits_in(row, {"bioProcessBackgroundJobs"})) found = true;
  EXPECT_TRUE(found) << report.at("waits").dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

// Its I/O threads are stopped by mutexes that the main thread holds all the while.
TEST_P(Redis, AtRestNobodyIsStuck) {
  const json report = watched(server_.pid(), GetParam());
  EXPECT_EQ(report.at("verdict").at("level"), "fine") << report.at("verdict");
  const json gate = row_of(report, "park", "io_threads_mutex");
  ASSERT_FALSE(gate.is_null()) << report.dump(1);
  EXPECT_EQ(gate.at("primitive"), "parked I/O thread");
  EXPECT_TRUE(waits_in(gate, {"IOThreadMain"})) << gate.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

// --- PostgreSQL: processes that share memory ---

class Postgres : public testing::Test {
 protected:
  static constexpr const char* kUser = "postgres";  // in the database; here it is nobody

  static std::string bin() {
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql"))
      if (std::filesystem::exists(version.path() / "bin/postgres")) return version.path() / "bin/";
    return "/usr/lib/postgresql/none/bin/";
  }
  static std::vector<std::string> as_nobody(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup",
                                         "--clear-groups", "--"});
    return arguments;
  }
  std::vector<std::string> client(const char* program, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {bin() + program, "-h", folder_.path(), "-U", kUser});
    return arguments;
  }

  void SetUp() override {
    ASSERT_EQ(status_of({"/bin/chown", "nobody", folder_.path()}), 0);
    ASSERT_EQ(status_of(as_nobody({bin() + "initdb", "-D", folder_ / "database", "-A", "trust",
                                   "--no-sync", "-U", kUser})),
              0);
    server_.emplace(as_nobody({bin() + "postgres", "-D", folder_ / "database", "-k", folder_.path(),
                               "-c", "listen_addresses=", "-c", "max_connections=40", "-c",
                               "autovacuum=off", "-c", "logging_collector=on"}),
                    true);
    ASSERT_TRUE(succeeds_soon(client("pg_isready", {})));
  }
  void TearDown() override {
    if (!server_) return;
    server_->send(SIGQUIT);  // its children end with it
    server_->wait();
  }

  TemporaryFolder folder_;
  std::optional<ChildProcess> server_;
};

// Twenty clients take one lock of the lock manager's table in turn: it has LWLocks of its own.
TEST_F(Postgres, ItsLightweightLocksAreLocks) {
  std::ofstream(folder_ / "script.sql") << "select pg_advisory_xact_lock(1);\n";
  const ChildProcess load(client("pgbench", {"-n", "-c", "20", "-j", "2", "-T", "100", "-f",
                                             folder_ / "script.sql", "postgres"}),
                          true);
  const json report = watched(server_->pid(), DebugFiles::kAll, {"--children"});
  const json row = row_of(report, "rwlock", "LWLock locked in ");
  ASSERT_FALSE(row.is_null()) << report.dump(1);
  EXPECT_TRUE(row.at("per_waiter_words").get<bool>());
  EXPECT_TRUE(
      waits_in(row, {"PGSemaphoreLock", "LWLockAcquire", "LockAcquireExtended",
                     "standard_ExecutorRun", "PostgresMain", "PostmasterMain", "main", "_start"}))
      << row.dump(1);
  EXPECT_GT(row.at("pids").size(), 1U);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

// --- interpreters ---

class Python : public testing::TestWithParam<DebugFiles> {};

INSTANTIATE_TEST_SUITE_P(Servers, Python, kBoth,
                         [](const auto& about) { return debug_files_name(about); });

TEST_P(Python, TwoThreadsTakeTurnsAtTheBigLock) {
  ChildProcess python({"/usr/bin/python3", "-c",
                       "import threading, sys\n"
                       "def settle(): return sum(range(2000))\n"
                       "def work():\n"
                       "    while True: settle()\n"
                       "for i in range(2): threading.Thread(target=work, daemon=True).start()\n"
                       "print('ready', flush=True)\n"
                       "sys.stdin.read()\n"});
  ASSERT_EQ(python.read_line(), "ready");
  const json report = watched(python.pid(), GetParam());
  ASSERT_FALSE(report.at("locks").empty()) << report.dump(1);
  const json& gil = report.at("locks").at(0);
  EXPECT_EQ(gil.at("kind"), "gil") << gil.dump(1);
  EXPECT_EQ(gil.at("name"), "GIL");
  EXPECT_NE(gil.at("level"), "fine");
  EXPECT_GE(gil.at("threads"), 2);
  for (std::size_t i = 1; i < report.at("locks").size(); i++)
    EXPECT_NE(report.at("locks").at(i).at("kind"), "gil") << "it is one row";
  EXPECT_TRUE(waits_in(gil, {"pthread_cond_timedwait", "_PyEval_EvalFrameDefault"}) ||
              waits_in(gil, {"pthread_cond_clockwait", "_PyEval_EvalFrameDefault"}))
      << gil.dump(1);
  EXPECT_GE(complete_share(report), kNearlyAll);
}

TEST(PythonPool, IdleWorkersAreNotStuck) {
  ChildProcess python({"/usr/bin/python3", "-c",
                       "import sys, threading\n"
                       "from concurrent.futures import ThreadPoolExecutor\n"
                       "pool = ThreadPoolExecutor(4)\n"
                       "met = threading.Barrier(4)\n"
                       "list(pool.map(lambda order: met.wait(), range(4)))\n"
                       "print('ready', flush=True)\n"
                       "sys.stdin.read()\n"});
  ASSERT_EQ(python.read_line(), "ready");
  const json report = watched(python.pid(), DebugFiles::kNone);
  EXPECT_EQ(report.at("verdict").at("level"), "fine") << report.dump(1);
  EXPECT_TRUE(waits_in(row_of(report, "semaphore"), {"PyThread_acquire_lock_timed"}))
      << report.dump(1);
}

TEST(Node, WorkersThatWaitForAMessageAreIdle) {
  const TemporaryFolder folder;
  std::ofstream(folder / "orders.js")
      << "const { Worker, isMainThread, workerData } = require('worker_threads');\n"
         "if (isMainThread) {\n"
         "  const shared = new Int32Array(new SharedArrayBuffer(8));\n"
         "  for (let i = 0; i < 3; i++) new Worker(__filename, { workerData: shared });\n"
         "  setInterval(() => { Atomics.add(shared, 0, 1); Atomics.notify(shared, 0); }, 5);\n"
         "  setTimeout(() => console.log('ready'), 500);\n"
         "} else {\n"
         "  function awaitOrder() { Atomics.wait(workerData, 0, Atomics.load(workerData, 0), "
         "1000); }\n"
         "  function settleOrders() { for (;;) awaitOrder(); }\n"
         "  settleOrders();\n"
         "}\n";
  ChildProcess node({"/usr/bin/node", folder / "orders.js"});
  ASSERT_EQ(node.read_line(), "ready");
  const json report = watched(node.pid());
  EXPECT_NE(report.at("verdict").at("level"), "culprit") << report.at("verdict");
  EXPECT_EQ(report.at("processes").at(0).at("runtimes").at(0), "node")
      << "before what it is written in";
  bool found = false;
  for (const json& row : report.at("waits")) {
    if (row.at("kind") != "condvar") continue;
    for (const json& waiters : row.at("waiters")) {
      const Functions functions = functions_of(waiters.at("stack"));
      if (!in_order(functions, {"Builtins_CEntry_Return1_ArgvOnStack_BuiltinExit"})) continue;
      found = true;
    }
  }
  EXPECT_TRUE(found) << report.at("waits").dump(1);
  EXPECT_GE(complete_share(report), 0.9);
  expect_cut_stacks_are_marked(report);
}

}  // namespace
}  // namespace cw::test
