// Which processes are watched: children, processes by name and by control group, those in other
// namespaces. Numbers add up over all of them, whenever they came.
#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "child_process.h"
#include "command.h"
#include "control_group.h"

namespace cw::test {
namespace {

using nlohmann::json;

std::set<int> pids_in(const std::vector<json>& reports) {
  std::set<int> pids;
  for (const json& report : reports)
    for (const json& process : report.at("processes")) pids.insert(process.at("pid").get<int>());
  return pids;
}

// The row of a word that several processes share: it names them all.
json shared_row(const json& report) {
  json best = {{"pids", json::array()}, {"object", ""}};
  for (const char* table : {"locks", "waits"})
    for (const json& row : report.at(table))
      if (row.at("pids").size() > best.at("pids").size()) best = row;
  return best;
}

// An observer that runs while a workload does its work, stopped when that is done.
class Observing {
 public:
  explicit Observing(std::vector<std::string> arguments) : process_(started(std::move(arguments))) {
    first_ = process_.read_line();  // attached
  }
  // All reports, the first included.
  std::vector<json> finish() {
    process_.send(SIGINT);
    const std::string rest = process_.read_all();
    exit_ = process_.wait();
    return reports_in(first_ + "\n" + rest);
  }
  [[nodiscard]] int exit() const { return exit_; }

 private:
  static std::vector<std::string> started(std::vector<std::string> arguments) {
    for (const char* more : {"-i", "0.5", "--waits", "--format", "json"})
      arguments.emplace_back(more);
    return command(std::move(arguments));
  }
  ChildProcess process_;
  std::string first_;
  int exit_ = -1;
};

// Linux 6.1 refuses to update a map while it interrupts an update of it on the same processor
// (kernel/bpf/hashtab.c: htab_lock_bucket counts before it keeps interrupts out): a wait may be
// lost now and then, and is counted.
bool refuses_nested_updates() {
  utsname names{};
  return uname(&names) == 0 && std::string(names.release).starts_with("6.1.");
}

// `events`: while a process forks, the kernel does not tell in which file a word lies; it is kept
// by its address then, and that is counted. No wait is missed by it.
constexpr int kMostEventsLost = 8;
void expect_nothing_lost(const std::vector<json>& reports) {
  const int most_refused = refuses_nested_updates() ? 2 : 0;
  for (const json& report : reports)
    for (const auto& [what, count] : report.at("fidelity").at("lost").items()) {
      const bool refused = what == "map_full" || what == "waits";
      EXPECT_LE(count, what == "events" ? kMostEventsLost : refused ? most_refused : 0) << what;
    }
}

std::uint64_t kept_or_counted_as_lost(const std::vector<json>& reports) {
  std::uint64_t waits = all_waits(reports);
  for (const json& report : reports)
    waits += report.at("fidelity").at("lost").at("waits").get<std::uint64_t>();
  return waits;
}

TEST(Families, ChildrenOfAllAgesAreCountedToTheLastWait) {
  Workload workload({"family", "3", "3", "40", "5"});
  Observing observing({"--pid", std::to_string(workload.pid()), "--children"});
  const json truth = workload.run();
  const auto reports = observing.finish();
  EXPECT_EQ(kept_or_counted_as_lost(reports), truth.at("waits").get<std::uint64_t>());
  expect_nothing_lost(reports);
  std::set<int> family = {workload.pid()};
  for (const json& child : truth.at("children")) family.insert(child.get<int>());
  EXPECT_EQ(pids_in(reports), family);
}

TEST(Families, SharedWordIsOneRow) {
  Workload workload({"family", "3", "3", "100", "5"});
  Observing observing({"--pid", std::to_string(workload.pid()), "--children"});
  const json truth = workload.run();
  const auto reports = observing.finish();
  json widest;
  for (const json& report : reports) {
    const json row = shared_row(report);
    if (widest.is_null() || row.at("pids").size() > widest.at("pids").size()) widest = row;
  }
  const std::size_t most = widest.at("pids").size();
  std::uint64_t waits = 0;
  for (const json& report : reports)
    for (const char* table : {"locks", "waits"})
      for (const json& row : report.at(table))
        // By file and offset while a process that maps it lives, by inode once all have ended.
        if (row.at("object").get<std::string>().starts_with("shared"))
          waits += row.at("waits").get<std::uint64_t>();
  EXPECT_EQ(most, 8U);
  EXPECT_EQ(waits, truth.at("shared_waits").get<std::uint64_t>());
}

TEST(Families, WithoutChildrenAHintSaysSo) {
  Workload workload({"family", "3", "0", "10", "5"});
  Observing observing({"--pid", std::to_string(workload.pid())});
  workload.run();
  const auto reports = observing.finish();
  EXPECT_EQ(pids_in(reports), std::set<int>{workload.pid()});
  EXPECT_EQ(all_waits(reports), 20U);
  EXPECT_NE(reports[0].at("verdict").at("not_seen").dump().find("3 descendants"), std::string::npos)
      << reports[0].at("verdict");
}

TEST(Families, SeveralPids) {
  Workload one({"ops", "timed_wait", "30", "5"});
  Workload other({"ops", "timed_wait", "20", "5"});
  Observing observing({"--pid", std::to_string(one.pid()) + "," + std::to_string(other.pid())});
  one.go();
  other.run();
  one.expect("done");
  EXPECT_EQ(all_waits(observing.finish()), 50U);
}

TEST(Families, GoesOnUntilTheLastDescendantHasEnded) {
  Workload workload({"life", "fork", "5", "200", "10"});
  Observing observing({"--pid", std::to_string(workload.pid()), "--children"});
  const json truth = workload.run();
  const auto reports = observing.finish();
  EXPECT_EQ(all_waits(reports),
            truth.at("waits").get<std::uint64_t>() + truth.at("child_waits").get<std::uint64_t>());
}

// The newborn are called as their parent is until they change their names.
TEST(Families, ByNameThoseThatComeLaterIncluded) {
  Workload workload({"family", "2", "2", "40", "5"});
  Observing observing({"--comm", "cw-chi*"});
  const json truth = workload.run();
  const auto reports = observing.finish();
  // The parent's own waits are not among them.
  EXPECT_EQ(kept_or_counted_as_lost(reports), truth.at("waits").get<std::uint64_t>() - 80);
  EXPECT_FALSE(pids_in(reports).contains(workload.pid()));
  EXPECT_EQ(pids_in(reports).size(), 5U);
  expect_nothing_lost(reports);
}

TEST(Families, ByNameAProgramStartedLater) {
  Observing observing({"--comm", "ops"});
  Workload workload({"ops", "timed_wait", "30", "5"});
  workload.run();
  EXPECT_EQ(all_waits(observing.finish()), 30U);
}

#ifdef __x86_64__
// The rights to load programs are given up by then.
TEST(Families, ByNameA32BitProgramStartedLater) {
  Observing observing({"--comm", "compat32"});
  Workload workload({"compat32", "20", "5"});
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // noticed
  workload.run();
  EXPECT_EQ(all_waits(observing.finish()), 40U);
}
#endif

// What has come and gone between two looks counts too.
TEST(Families, ByNameAProgramThatEndsAtOnce) {
  Observing observing({"--comm", "ops"});
  for (int i = 0; i < 5; i++) {
    Workload workload({"ops", "timed_wait", "3", "1"});
    workload.run();
    workload.finish();
  }
  EXPECT_EQ(all_waits(observing.finish()), 15U);
}

TEST(Families, ByControlGroup) {
  ASSERT_FALSE(hierarchies().empty()) << "no control groups are mounted";
  for (const std::string& hierarchy : hierarchies()) {
    const ControlGroup group(hierarchy);
    {
      Workload inside({"family", "2", "2", "40", "5"});
      Workload outside({"ops", "timed_wait", "30", "5"});
      group.add(inside.pid());
      for (const json& child : inside.ready().at("children")) group.add(child.get<int>());
      Observing observing({"--cgroup", group.directory()});
      outside.go();
      const json truth = inside.run();
      outside.expect("done");
      const auto reports = observing.finish();
      EXPECT_EQ(kept_or_counted_as_lost(reports), truth.at("waits").get<std::uint64_t>())
          << hierarchy;
      expect_nothing_lost(reports);
    }
  }
}

TEST(Families, ByControlGroupOneThatIsMovedIn) {
  ASSERT_FALSE(hierarchies().empty()) << "no control groups are mounted";
  for (const std::string& hierarchy : hierarchies()) {
    const ControlGroup group(hierarchy);
    const std::string name = std::filesystem::path(group.directory()).filename();
    {
      Observing observing({"--cgroup", "/" + name});
      const Workload late({"deadlock"});
      group.add(late.pid());
      std::this_thread::sleep_for(std::chrono::milliseconds(1500));
      const auto reports = observing.finish();
      EXPECT_TRUE(pids_in(reports).contains(late.pid())) << hierarchy;
      EXPECT_NE(lock_at(reports.back(), late.address("lock_a")), nullptr) << hierarchy;
    }
  }
}

// The target's numbers, mounts and root differ from ours; its files are found all the same.
TEST(Families, TargetInNamespacesOfItsOwn) {
  ChildProcess sandbox({"/usr/bin/unshare", "--pid", "--mount", "--kill-child", "--mount-proc",
                        std::string(CW_WORKLOADS) + "/mutex4", "4", "60", "100"});
  const std::string ready = sandbox.read_line();
  ASSERT_TRUE(ready.starts_with("ready ")) << ready;
  ChildProcess children({"/usr/bin/pgrep", "-P", std::to_string(sandbox.pid())});
  const std::string pid = children.read_line();
  sandbox.write("go\n");
  const Ran ran = run({"--pid", pid, "-i", "1", "-d", "2", "--format", "json"});
  const auto reports = reports_in(ran.output);
  ASSERT_EQ(reports.size(), 2U) << ran.errors;
  const json& lock = reports[1].at("locks").at(0);
  EXPECT_EQ(lock.at("name"), "hot_lock");
  EXPECT_GE(lock.at("threads"), 3);  // one may hold it all the time
  EXPECT_EQ(std::to_string(lock.at("pids").at(0).get<int>()), pid);
}

// We are in a pid namespace; --pid and all numbers are of that namespace.
TEST(Families, ObserverInAPidNamespace) {
  const std::string script = "{ echo go; sleep 60; } | " + std::string(CW_WORKLOADS) +
                             "/mutex4 4 60 100 >/dev/null & sleep 0.5; pid=$(pgrep -x mutex4); [ "
                             "$pid -lt 50 ] || exit 99; "
                             "exec " +
                             command({})[0] + " --pid $pid -i 1 -d 2 --format json";
  ChildProcess sandbox(
      {"/usr/bin/unshare", "--pid", "--mount", "--fork", "--mount-proc", "/bin/sh", "-c", script});
  const auto reports = reports_in(sandbox.read_all());
  EXPECT_EQ(sandbox.wait(), 0);
  ASSERT_EQ(reports.size(), 2U);
  const json& lock = reports[1].at("locks").at(0);
  EXPECT_EQ(lock.at("name"), "hot_lock");
  EXPECT_GE(lock.at("threads"), 3);  // one may hold it all the time
  EXPECT_EQ(lock.at("pids").at(0), reports[1].at("processes").at(0).at("pid"));
  EXPECT_LT(lock.at("pids").at(0).get<int>(), 50);
  EXPECT_GT(lock.at("waits").get<int>(), 0);
  expect_nothing_lost(reports);
}

}  // namespace
}  // namespace cw::test
