// The doctor command on this machine: what it says must hold when it is acted upon.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

#include "child_process.h"
#include "command.h"

namespace cw::test {
namespace {

using nlohmann::json;

json doctor(std::vector<std::string> arguments, int exit = 0) {
  arguments.insert(arguments.begin(), {"doctor", "--format", "json"});
  const Ran ran = run(std::move(arguments));
  EXPECT_EQ(ran.exit, exit) << ran.errors;
  EXPECT_EQ(lines_in(ran.errors), exit == 0 ? 0U : 1U) << ran.errors;
  return json::parse(ran.output);
}

// The row of a list whose name it is; null when there is none.
json named(const json& list, const std::string& name) {
  const auto found =
      std::ranges::find_if(list, [&](const json& row) { return row.at("name") == name; });
  return found == list.end() ? json() : *found;
}

// Runs what follows as nobody, with these capabilities and none else.
std::vector<std::string> as_nobody_with(const std::vector<std::string>& capabilities) {
  std::string set = "-all";
  for (std::string name : capabilities) {
    name.erase(0, std::string("CAP_").size());
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    set += ",+" + name;
  }
  return {"/usr/bin/setpriv",  "--reuid=65534",         "--regid=65534",        "--clear-groups",
          "--inh-caps=" + set, "--ambient-caps=" + set, "--bounding-set=" + set};
}

TEST(Doctor, TextAnswersFirstAndFitsEightyColumns) {
  const Ran ran = run({"doctor"});
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  EXPECT_EQ(ran.errors, "");
  EXPECT_TRUE(ran.output.starts_with("doctor:   ready: everything needed is here (")) << ran.output;
  std::istringstream lines(ran.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(Doctor, JsonHasWhatItPromises) {
  const json report = doctor({});
  EXPECT_EQ(report.at("schema"), "contentionwatch.doctor/1");
  EXPECT_TRUE(report.at("ready").get<bool>());
  EXPECT_TRUE(report.at("summary").get<std::string>().starts_with("ready: "));
  for (const json& check : report.at("checks")) {
    EXPECT_TRUE(check.at("ok").is_boolean()) << check;
    EXPECT_TRUE(check.at("needed").is_boolean()) << check;
    EXPECT_FALSE(check.at("value").get<std::string>().empty()) << check;
    EXPECT_TRUE(check.at("why").is_string()) << check;
    EXPECT_TRUE(check.at("cure").is_string()) << check;
    const auto group = check.at("group").get<std::string>();
    EXPECT_TRUE(group == "right" || group == "kernel" || group == "hook") << check;
  }
  for (const json& capability : report.at("capabilities"))
    EXPECT_TRUE(capability.at("held").get<bool>()) << capability;
}

TEST(Doctor, MeasuresTheHooksThatWouldBeUsed) {
  const json report = doctor({});
  const json functions = named(report.at("hooks"), "functions");
  const json tracepoints = named(report.at("hooks"), "tracepoints");
  EXPECT_NE(functions.at("used"), tracepoints.at("used"));
  const json& used = functions.at("used").get<bool>() ? functions : tracepoints;
  EXPECT_GT(used.at("cost_ns").get<double>(), 5);
  EXPECT_LT(used.at("cost_ns").get<double>(), 100'000);
  EXPECT_GE(used.at("bystander_ns").get<double>(), 0);
  EXPECT_LT(used.at("bystander_ns").get<double>(), 10'000);
  EXPECT_GT(named(report.at("hooks"), "tp_btf/sched_process_exit").at("cost_ns").get<double>(), 5);
  EXPECT_TRUE(named(report.at("hooks"), "compat").contains("bystander_ns"));
}

// Where each function would be probed, and what a hit there costs.
TEST(Doctor, MeasuresTheProbesOfAProcess) {
  Workload workload({"never"});
  const json report = doctor({"--pid", std::to_string(workload.pid())});
  const auto uprobes = std::ranges::find_if(report.at("hooks"), [](const json& hook) {
    return hook.at("name").get<std::string>().starts_with("uprobe");
  });
  ASSERT_NE(uprobes, report.at("hooks").end());
  EXPECT_GT(uprobes->at("cost_ns").get<double>(), 50);
  ASSERT_FALSE(report.at("allocators").empty());
  const json sites = report.at("allocators")[0].at("sites");
  ASSERT_FALSE(sites.empty());
  for (const json& site : sites) {
    EXPECT_GT(site.at("cost_ns").get<double>(), 50) << site;
    EXPECT_LT(site.at("cost_ns").get<double>(), 500'000) << site;
    if (site.at("emulated").get<bool>()) {
      EXPECT_EQ(site.at("cost_ns"), uprobes->at("cost_ns")) << site;
    }
  }
  workload.send(SIGKILL);
  workload.wait();
}

TEST(Doctor, LeavesNothingBehind) {
  EXPECT_EQ(run({"doctor"}).exit, 0);
  std::this_thread::sleep_for(
      std::chrono::milliseconds(500));  // the kernel frees them a little later
  ChildProcess list({"/usr/sbin/bpftool", "prog", "list"});
  const std::string programs = list.read_all();
  for (const char* name : {"cw_try", "enter_call", "exit_thread"})
    EXPECT_EQ(programs.find(name), std::string::npos) << programs;
}

TEST(Doctor, ForcedHooksAreUsedOrRefused) {
  const json hook = named(doctor({}).at("checks"), "functions");
  const bool allowed = hook.at("ok").get<bool>();
  const json forced = doctor({"--hooks", "functions"}, allowed ? 0 : 3);
  EXPECT_EQ(forced.at("ready").get<bool>(), allowed);
  const auto summary = forced.at("summary").get<std::string>();
  EXPECT_EQ(summary.find("--hooks") == std::string::npos, allowed) << summary;
  const json tracepoints = doctor({"--hooks", "tracepoints"});
  EXPECT_TRUE(named(tracepoints.at("hooks"), "tracepoints").at("used").get<bool>());
}

TEST(Doctor, LooksIntoAProcessOfAnotherUser) {
  const Workload workload({"never"}, kAsAnotherUser);
  const json report = doctor({"--pid", std::to_string(workload.pid())});
  for (const char* name : {"process", "maps", "memory", "calls", "mapped files", "children"}) {
    const json check = named(report.at("checks"), name);
    ASSERT_TRUE(check.is_object()) << name;
    EXPECT_TRUE(check.at("ok").get<bool>()) << check;
    EXPECT_EQ(check.at("group"), "process");
    EXPECT_EQ(check.at("pid"), workload.pid());
  }
  EXPECT_EQ(named(report.at("checks"), "program").at("value"), "64-bit");
  EXPECT_FALSE(named(report.at("hooks"), "compat").at("used").get<bool>());
}

TEST(Doctor, SaysWhatIsNotThere) {
  for (const char* pid : {"4194304", "2"}) {
    const json report = doctor({"--pid", pid}, 4);
    EXPECT_FALSE(report.at("ready").get<bool>());
    EXPECT_FALSE(named(report.at("checks"), "process").at("ok").get<bool>());
  }
}

TEST(Doctor, WithoutRightsItNamesThem) {
  const Ran ran = run({"doctor"}, as_nobody_with({}));
  EXPECT_EQ(ran.exit, 3);
  EXPECT_TRUE(ran.output.starts_with("doctor:   cannot observe: ")) << ran.output;
  EXPECT_EQ(ran.errors,
            "contentionwatch: cannot observe: CAP_BPF and CAP_PERFMON are missing: run with sudo, "
            "or grant them\n");
}

TEST(Doctor, A32BitProcessTakesMoreHooks) {
  const Workload workload({"compat32", "20", "5"});
  const json report = doctor({"--pid", std::to_string(workload.pid())});
  EXPECT_EQ(named(report.at("checks"), "program").at("value"), "32-bit");
  EXPECT_TRUE(named(report.at("hooks"), "compat").at("used").get<bool>());
}

std::uint64_t waits_counted_in(const json& report) {
  auto waits = report.at("idle_waits").at("count").get<std::uint64_t>();
  for (const json& lock : report.at("locks")) waits += lock.at("waits").get<std::uint64_t>();
  return waits;
}

// Run this way, the observer tells of others' processes what root would be told.
void expect_sees_all(std::vector<std::string> prefix) {
  const Workload hanging({"deadlock"}, kAsAnotherUser);
  Workload waiting({"ops", "timed_wait", "10", "5"}, kAsAnotherUser);
  const std::string pids = std::to_string(hanging.pid()) + "," + std::to_string(waiting.pid());
  const auto ours = command({"--pid", pids, "-i", "1", "--format", "json"});
  prefix.insert(prefix.end(), ours.begin(), ours.end());
  ChildProcess observer(prefix);
  const std::string line = observer.read_line();
  ASSERT_FALSE(line.empty());
  const json first = json::parse(line);
  const json* lock = lock_at(first, hanging.address("lock_a"));
  ASSERT_NE(lock, nullptr) << first;
  EXPECT_EQ(lock->at("name"), "lock_a");
  EXPECT_EQ(lock->at("owner").at("tid"), hanging.ready().at("a_then_b"));
  // CAP_BPF among them, where making a map takes it.
  EXPECT_LE(first.at("fidelity").at("rights_kept").size(), 4U);
  waiting.run();
  observer.send(SIGTERM);
  std::uint64_t waits = waits_counted_in(first);
  for (const json& report : reports_in(observer.read_all())) waits += waits_counted_in(report);
  EXPECT_EQ(waits, 10U);
  EXPECT_EQ(observer.wait(), 0);
}

std::vector<std::string> sufficient() {
  std::vector<std::string> names;
  const json report = doctor({});
  for (const json& capability : report.at("capabilities"))
    if (capability.at("needed_here").get<bool>()) names.push_back(capability.at("name"));
  return names;
}

TEST(SufficientRights, AreSufficient) {
  const auto prefix = as_nobody_with(sufficient());
  expect_sees_all(prefix);
  const Ran ran = run({"doctor"}, prefix);
  EXPECT_EQ(ran.exit, 0) << ran.errors;
}

// With tracefs mounted, as distributions do it, CAP_SYS_ADMIN is not among them. Mounted for us
// only.
TEST(SufficientRights, DoWithoutSysAdminWhereTracefsIsMounted) {
  const std::string mounted =
      "mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing; "
      "exec \"$@\"";
  std::vector<std::string> names = sufficient();
  std::erase(names, "CAP_SYS_ADMIN");
  std::vector<std::string> prefix = {"/usr/bin/unshare", "--mount", "/bin/sh", "-c", mounted, "sh"};
  const auto nobody = as_nobody_with(names);
  prefix.insert(prefix.end(), nobody.begin(), nobody.end());
  expect_sees_all(prefix);
  const Ran ran = run({"doctor", "--format", "json"}, prefix);
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  const json admin = named(json::parse(ran.output).at("capabilities"), "CAP_SYS_ADMIN");
  EXPECT_FALSE(admin.at("held").get<bool>());
  EXPECT_FALSE(admin.at("needed_here").get<bool>());
}

}  // namespace
}  // namespace cw::test
