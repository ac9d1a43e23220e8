// The command as a user types it: reports, exit codes, and one clear line for every mistake.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "child_process.h"
#include "command.h"

namespace cw::test {
namespace {

using nlohmann::json;

// --- what it reports ---

TEST(Report, HotMutexIsNamedAndComesFirst) {
  Workload workload(
      {"mutex4", "4", "180", "100"});  // starting takes a minute where all is emulated
  workload.go();
  const Ran ran =
      run({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "2", "--format", "json"});
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_FALSE(reports[0].at("final").get<bool>());
  EXPECT_TRUE(reports[1].at("final").get<bool>());
  const json& lock = reports[1].at("locks").at(0);
  EXPECT_EQ(as_address(lock.at("address")), workload.address("lock"));
  EXPECT_EQ(lock.at("kind"), "mutex");
  EXPECT_EQ(lock.at("name"), "hot_lock");
  EXPECT_NE(lock.at("level"), "fine");
  // On an overloaded machine a thread may not get to wait in one of the intervals.
  EXPECT_EQ(std::max(reports[0].at("locks").at(0).at("threads"), lock.at("threads")), 4);
  // What adds up must add up.
  EXPECT_EQ(lock.at("waits"), lock.at("wait_ns").at("count"));
  std::uint64_t in_buckets = 0;
  for (const json& bucket : lock.at("wait_ns").at("buckets"))
    in_buckets += bucket.at("count").get<std::uint64_t>();
  EXPECT_EQ(in_buckets, lock.at("waits").get<std::uint64_t>());
  double shares = 0;
  for (const json& waiter : lock.at("waiters")) shares += waiter.at("share").get<double>();
  EXPECT_LE(shares, 1.0001);
}

TEST(Report, StateOfTheThreadsAddsUp) {
  Workload workload({"idle_pool", "condvar", "6", "40", "50"});
  workload.go();
  const Ran ran =
      run({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "1", "--format", "json"});
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 1U);
  const json& process = reports[0].at("processes").at(0);
  const json& mean = process.at("threads_mean");
  double sum = 0;
  for (const char* state : {"on_cpu", "runnable", "lock_wait", "idle_wait", "other"})
    sum += mean.at(state).get<double>();
  EXPECT_NEAR(sum, process.at("threads").get<double>(), 0.5);
  EXPECT_NEAR(mean.at("idle_wait").get<double>(), 6, 0.5);
}

class IdlePool : public testing::TestWithParam<std::string> {};

TEST_P(IdlePool, IsAccusedOfNothing) {
  Workload workload({"idle_pool", GetParam(), "4", "20", "50"});
  workload.go();
  const Ran ran =
      run({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "1", "--format", "json"});
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].at("verdict").at("level"), "fine") << reports[0].at("verdict");
  for (const json& lock : reports[0].at("locks")) EXPECT_EQ(lock.at("level"), "fine") << lock;
}

INSTANTIATE_TEST_SUITE_P(Kinds, IdlePool,
                         testing::Values("condvar", "semaphore", "barrier", "join"),
                         [](const auto& about) { return about.param; });

// Nobody saw these waits begin: they are read from /proc when attaching.
TEST(Report, DeadlockOlderThanTheObserver) {
  const Workload workload({"deadlock"});
  const Ran ran =
      run({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "1", "--format", "json"});
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 1U);
  for (const char* name : {"lock_a", "lock_b"}) {
    const json* lock = lock_at(reports[0], workload.address(name));
    ASSERT_NE(lock, nullptr) << name;
    EXPECT_EQ(lock->at("level"), "suspect");
    EXPECT_EQ(lock->at("cause"), "stuck");
    EXPECT_EQ(lock->at("in_progress"), 1);
    EXPECT_NEAR(lock->at("waiters_mean").get<double>(), 1, 0.05);
    EXPECT_NEAR(lock->at("busy_share").get<double>(), 1, 0.05);
    EXPECT_EQ(lock->at("name"), name);
  }
  EXPECT_EQ(reports[0].at("verdict").at("level"), "culprit") << "the circle is proven";
  const auto owner = lock_at(reports[0], workload.address("lock_a"))->at("owner").at("tid");
  EXPECT_EQ(owner, workload.ready().at("a_then_b"));
  const json& cycle = reports[0].at("deadlocks").at(0).at("cycle");
  ASSERT_EQ(cycle.size(), 2U);
  for (const json& link : cycle) {
    const bool has_a = link.at("tid") == workload.ready().at("a_then_b");
    EXPECT_EQ(link.at("held_by"), workload.ready().at(has_a ? "b_then_a" : "a_then_b"));
    EXPECT_EQ(as_address(link.at("waits_for")), workload.address(has_a ? "lock_b" : "lock_a"));
  }
}

// Three threads that compute take turns at the interpreter's lock. The two that wait time out each
// 5 ms and wait again: one wait each, not two hundred a second.
TEST(Report, PythonsBigLockIsNamedAndItsTimeOutsAreJoined) {
  ChildProcess python({"/usr/bin/python3", "-c",
                       "import threading\n"
                       "def work():\n"
                       "    while True: sum(range(1000))\n"
                       "for i in range(3): threading.Thread(target=work, daemon=True).start()\n"
                       "print('ready', flush=True)\n"
                       "import time; time.sleep(60)\n"});
  ASSERT_EQ(python.read_line(), "ready");
  const Ran ran =
      run({"--pid", std::to_string(python.pid()), "-i", "1", "-d", "3", "--format", "json"});
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 3U) << ran.errors;
  const json& gil = reports[2].at("locks").at(0);
  EXPECT_EQ(gil.at("kind"), "gil") << gil.at("waiters");
  EXPECT_NE(gil.at("level"), "fine");
  EXPECT_GT(gil.at("waiters_mean").get<double>(), 1);
  // Not joined, four in five would be time-outs.
  EXPECT_LT(gil.at("timed_out").get<double>(), 0.4 * gil.at("waits").get<double>());
}

TEST(Report, ThreadThatNeverWakesIsInProgress) {
  const Workload workload({"never"});
  const Ran ran =
      run({"--pid", std::to_string(workload.pid()), "-i", "0.5", "-d", "1", "--format", "json"});
  for (const json& report : reports_in(ran.output)) {
    const json* word = lock_at(report, workload.address("word"));
    if (word == nullptr) {  // told from an idle wait by nothing: it may be listed as one
      EXPECT_GE(report.at("processes").at(0).at("threads_mean").at("idle_wait").get<double>(), 0.9);
      continue;
    }
    EXPECT_EQ(word->at("in_progress"), 1);
    EXPECT_NE(word->at("level"), "culprit");
  }
}

TEST(Report, FirstComesSoonAfterTheInterval) {
  const Workload workload({"never"});
  const auto begin = std::chrono::steady_clock::now();
  ChildProcess process(
      command({"--pid", std::to_string(workload.pid()), "-i", "1", "--format", "json"}));
  const std::string first = process.read_line();
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_FALSE(first.empty());
  // The promise is 1.5 s on an idle machine; this only catches a start that hangs.
  EXPECT_LT(took, std::chrono::seconds(10));
}

TEST(Report, TextFitsEightyColumns) {
  Workload workload({"mutex4", "4", "60", "100"});
  workload.go();
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "1"});
  EXPECT_EQ(ran.exit, 0);
  std::istringstream lines(ran.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_EQ(ran.output.find('\x1b'), std::string::npos);
  EXPECT_NE(ran.output.find("hot_lock"), std::string::npos);
}

TEST(Report, WholeMachineSeesTheHotLock) {
  Workload workload({"mutex4", "4", "60", "100"});
  workload.go();
  const Ran ran = run({"-i", "1", "-d", "1", "--format", "json", "--top", "50"});
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 1U);
  const json* lock = lock_at(reports[0], workload.address("lock"));
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->at("pids").at(0), workload.pid());
}

// --- how it ends ---

TEST(Ending, SignalGivesALastReport) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Workload workload({"never"});
    ChildProcess process(
        command({"--pid", std::to_string(workload.pid()), "-i", "0.5", "--format", "json"}));
    process.read_line();
    process.send(signal);
    const auto rest = reports_in(process.read_all());
    EXPECT_EQ(process.wait(), 0);
    ASSERT_FALSE(rest.empty());
    EXPECT_TRUE(rest.back().at("final").get<bool>());
    EXPECT_LT(rest.back().at("interval_s").get<double>(), 0.6);
  }
}

TEST(Ending, TargetThatEndsGetsItsLastReport) {
  Workload workload({"ops", "timed_wait", "10", "5"});
  ChildProcess process(
      command({"--pid", std::to_string(workload.pid()), "-i", "1", "--format", "json"}));
  process.read_line();
  workload.run();
  workload.finish();
  const auto reports = reports_in(process.read_all());
  EXPECT_EQ(process.wait(), 0);
  ASSERT_FALSE(reports.empty());
  EXPECT_TRUE(reports.back().at("final").get<bool>());
  std::uint64_t waits = 0;
  for (const json& report : reports) {
    waits += report.at("idle_waits").at("count").get<std::uint64_t>();
    for (const json& lock : report.at("locks")) waits += lock.at("waits").get<std::uint64_t>();
  }
  EXPECT_EQ(waits, 10U);
}

// What its windows saw until then is in there.
TEST(Ending, TargetThatEndsIsReportedInFull) {
  Workload workload({"sections", "plain", "4", "4", "20", "100"});
  ChildProcess process(
      command({"--pid", std::to_string(workload.pid()), "-i", "20", "--format", "json"}));
  workload.run();
  workload.finish();
  const auto reports = reports_in(process.read_all());
  EXPECT_EQ(process.wait(), 0);
  ASSERT_EQ(reports.size(), 1U);
  const json& report = reports.front();
  ASSERT_FALSE(report.at("locks").empty());
  EXPECT_TRUE(report.at("locks")[0].contains("acquisitions_per_s")) << report.dump();
  ASSERT_FALSE(report.at("allocators").empty());
  EXPECT_TRUE(report.at("allocators")[0].contains("allocs_per_s")) << report.dump();
  for (const json& reason : report.at("verdict").at("not_seen"))
    EXPECT_FALSE(reason.get<std::string>().contains("critical sections:")) << reason;
}

// Its end may come before that is hooked, or while.
TEST(Ending, TargetThatEndsWhileWeAttach) {
  for (int ms = 0; ms < 600; ms += 60) {
    Workload workload({"never"});
    auto arguments = command({"--pid", std::to_string(workload.pid()), "-i", "1", "-d", "2"});
    arguments.insert(arguments.begin(), {"/usr/bin/timeout", "20"});
    ChildProcess process(arguments, true);
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    workload.send(SIGKILL);
    workload.wait();
    const std::string output = process.read_all();
    const int status = process.wait();
    EXPECT_TRUE(status == 0 || status == 4) << status << " after " << ms << " ms";
    EXPECT_EQ(status == 4,
              output.find("pid " + std::to_string(workload.pid()) + " ") == std::string::npos)
        << output;
  }
}

TEST(Ending, FailOnExitsWithTen) {
  {
    Workload guilty({"mutex4", "4", "60", "100"});
    guilty.go();
    EXPECT_EQ(
        run({"--pid", std::to_string(guilty.pid()), "-i", "1", "-d", "1", "--fail-on", "suspect"})
            .exit,
        10);
  }
  Workload idle({"idle_pool", "condvar", "4", "40", "50"});
  idle.go();
  EXPECT_EQ(
      run({"--pid", std::to_string(idle.pid()), "-i", "1", "-d", "1", "--fail-on", "suspect"}).exit,
      0);
}

TEST(Ending, JsonFileHoldsEveryReport) {
  const std::string file = testing::TempDir() + "reports.json";
  const Workload workload({"never"});
  EXPECT_EQ(
      run({"--pid", std::to_string(workload.pid()), "-i", "0.5", "-d", "1", "--json", file}).exit,
      0);
  const std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  EXPECT_EQ(reports_in(text.str()).size(), 2U);
}

// --- mistakes ---

struct Mistake {
  std::string name;
  std::vector<std::string> arguments;
  int exit;
  std::string says;
};

void PrintTo(const Mistake& mistake, std::ostream* stream) {
  *stream << mistake.name;
}

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, GetOneClearLineAndTheRightExitCode) {
  const Ran ran = run(GetParam().arguments);
  EXPECT_EQ(ran.exit, GetParam().exit);
  EXPECT_EQ(ran.output, "");
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_TRUE(ran.errors.starts_with("contentionwatch: ")) << ran.errors;
  EXPECT_NE(ran.errors.find(GetParam().says), std::string::npos) << ran.errors;
}

INSTANTIATE_TEST_SUITE_P(
    Of, Mistakes,
    testing::Values(
        Mistake{"pid_text", {"--pid", "redis"}, 2, "--pid"},
        Mistake{"pid_zero", {"--pid", "0"}, 2, "--pid"},
        Mistake{"pid_huge", {"--pid", "99999999999"}, 2, "--pid"},
        Mistake{"pid_none", {"--pid", "4194304"}, 4, "no such process"},
        Mistake{"kernel_thread", {"--pid", "2"}, 4, "kernel thread"},
        Mistake{"option", {"--nonsense"}, 2, "--nonsense"},
        Mistake{"interval", {"--interval", "0"}, 2, "--interval"},
        Mistake{"interval_nan", {"--interval", "nan"}, 2, "--interval"},
        Mistake{"duration_nan", {"--duration", "nan"}, 2, "--duration"},
        Mistake{"budget_nan", {"--budget", "nan"}, 2, "--budget"},
        Mistake{"format", {"--format", "xml"}, 2, "--format"},
        Mistake{"threshold", {"--threshold", "lock.busy.suspect"}, 2, "--threshold"},
        Mistake{"threshold_key", {"--threshold", "lock.colour=1"}, 2, "lock.colour"},
        Mistake{"demo_with_pid", {"demo", "--pid", "1"}, 2, "--pid"},
        Mistake{"demo_design", {"demo", "--design", "none"}, 2, "--design"},
        Mistake{"demo_designs", {"demo", "--fixed", "--design", "half"}, 2, "--design"},
        Mistake{"json_unnamed", {"--json", ""}, 2, "--json"},
        Mistake{"json_file", {"--pid", "1", "--json", "/nonexistent/x"}, 1, "/nonexistent/x"},
        Mistake{"listen_nowhere", {"--listen", "here"}, 2, "--listen"},
        Mistake{"listen_elsewhere", {"--listen", "192.0.2.1:9477"}, 1, "192.0.2.1:9477"},
        Mistake{"textfile", {"--textfile", "/nonexistent/x.prom"}, 1, "/nonexistent/x.prom"},
        Mistake{"profile_prefix", {"--pprof", "/nonexistent/x"}, 1, "/nonexistent/x.locks.pb.gz"},
        Mistake{"profile_unnamed", {"--folded", ""}, 2, "--folded"},
        Mistake{"comm_empty", {"--comm", ""}, 2, "--comm"},
        Mistake{"cgroup_none", {"--cgroup", "/no/such/group"}, 4, "/no/such/group"},
        Mistake{"cgroup_elsewhere", {"--cgroup", "/proc"}, 4, "/proc"},
        Mistake{"pid_and_comm", {"--pid", "1", "--comm", "x"}, 2, "--comm"},
        Mistake{"children_alone", {"--children"}, 2, "--children"},
        Mistake{"demo_with_comm", {"demo", "--comm", "x"}, 2, "--comm"},
        Mistake{"hooks", {"--hooks", "kprobes"}, 2, "--hooks"},
        Mistake{"full_disk",
                {"--pid", "1", "-d", "0.2", "--format", "json", "--json", "/dev/full"},
                1,
                "/dev/full"},
        Mistake{"config_file", {"--config", "/nonexistent/x"}, 2, "/nonexistent/x"}),
    [](const auto& about) { return about.param.name; });

TEST(Targets, ThreadInsteadOfItsProcess) {
  const Workload workload({"never"});
  const Ran ran = run({"--pid", std::to_string(workload.ready().at("waiter").get<int>())});
  EXPECT_EQ(ran.exit, 4);
  EXPECT_NE(ran.errors.find("--pid " + std::to_string(workload.pid())), std::string::npos)
      << ran.errors;
}

// Run by a shell, for what only that can set up.
Ran run_in_shell(const std::string& script) {
  ChildProcess shell({"/bin/sh", "-c", script, "sh", command({})[0]}, true);
  Ran ran;
  ran.output = shell.read_all();
  ran.errors = shell.read_errors();
  ran.exit = shell.wait();
  return ran;
}

TEST(Targets, Zombie) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t about{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &about, WEXITED | WNOWAIT), 0);
  const Ran ran = run({"--pid", std::to_string(child)});
  EXPECT_EQ(ran.exit, 4);
  EXPECT_NE(ran.errors.find("zombie"), std::string::npos) << ran.errors;
  waitpid(child, nullptr, 0);
}

TEST(Outputs, FullAndClosed) {
  const Ran full = run_in_shell("exec \"$1\" --pid 1 -i 0.2 -d 1 >/dev/full");
  EXPECT_EQ(full.exit, 1);
  EXPECT_EQ(lines_in(full.errors), 1U) << full.errors;
  const Ran closed = run_in_shell("exec \"$1\" --pid 1 -i 0.2 -d 1 >&-");
  EXPECT_EQ(closed.exit, 1);
  EXPECT_EQ(lines_in(closed.errors), 1U) << closed.errors;
}

TEST(Rights, KernelWithoutTypeInformation) {
  const Ran ran = run_in_shell(
      "exec unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec \"$0\" --pid 1 -d "
      "1' "
      "\"$1\"");
  EXPECT_EQ(ran.exit, 3) << ran.errors;
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_NE(ran.errors.find("BTF"), std::string::npos) << ran.errors;
}

TEST(Rights, WithoutThemItSaysWhatIsMissing) {
  if (geteuid() != 0) FAIL() << "run as root";
  ChildProcess process({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                        "--bounding-set=-all", CW_COMMAND, "--pid", "1"},
                       true);
  const std::string errors = process.read_errors();
  EXPECT_EQ(process.wait(), 3) << errors;
  EXPECT_NE(errors.find("sudo"), std::string::npos) << errors;
  EXPECT_NE(errors.find("contentionwatch doctor"), std::string::npos) << errors;
}

TEST(Rights, ObserverKilledLeavesNoHook) {
  const Workload workload({"never"});
  {
    ChildProcess process(
        command({"--pid", std::to_string(workload.pid()), "-i", "0.5", "--format", "json"}));
    process.read_line();
    process.send(SIGKILL);
    process.wait();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ChildProcess list({"/usr/sbin/bpftool", "prog", "list"});
  const std::string programs = list.read_all();
  EXPECT_EQ(programs.find("enter_call"), std::string::npos) << programs;
  EXPECT_EQ(programs.find("exit_thread"), std::string::npos) << programs;
}

}  // namespace
}  // namespace cw::test
