#include "analysis/doctor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "output_doctor_fixtures.h"

namespace cw {
namespace {

const Check& check(const DoctorReport& report, const std::string& name) {
  const auto found = std::ranges::find(report.checks, name, &Check::name);
  if (found == report.checks.end()) throw std::runtime_error("no check " + name);
  return *found;
}

bool begins(const std::string& text, const std::string& with) {
  return text.starts_with(with);
}

TEST(Doctor, ReadyWhereEverythingWorks) {
  const DoctorReport report = diagnose(test::root_on_a_host());
  EXPECT_TRUE(report.ready);
  EXPECT_EQ(
      report.summary,
      "ready: everything needed is here (functions; no measurable cost to other system calls)");
  for (const Check& each : report.checks) {
    EXPECT_TRUE(each.ok) << each.name;
    EXPECT_EQ(each.cure, "") << each.name;
  }
  const auto& admin = report.capabilities.back();
  EXPECT_EQ(admin.name, "CAP_SYS_ADMIN");
  EXPECT_FALSE(admin.needed_here);
  EXPECT_FALSE(admin.kept);
}

TEST(Doctor, TracepointsServeWhereFunctionsCannotBeHooked) {
  const DoctorReport report = diagnose(test::root_with_tracepoints());
  EXPECT_TRUE(report.ready);
  EXPECT_EQ(report.summary,
            "ready: everything needed is here (tracepoints; 48 ns on every system call of the "
            "machine)");
  EXPECT_FALSE(check(report, "functions").ok);
  EXPECT_FALSE(check(report, "functions").needed);
  EXPECT_TRUE(check(report, "tracepoints").needed);
  EXPECT_TRUE(report.capabilities.back().needed_here);
}

TEST(Doctor, ForcedHooksAreNeeded) {
  DoctorFacts facts = test::root_with_tracepoints();
  facts.forced_hooks = "functions";
  facts.hooks.clear();
  facts.attach_error = "not permitted to load BPF programs";
  const DoctorReport report = diagnose(facts);
  EXPECT_FALSE(report.ready);
  EXPECT_TRUE(begins(report.summary, "cannot observe: functions: loading")) << report.summary;
  EXPECT_NE(report.summary.find("--hooks"), std::string::npos) << report.summary;
}

TEST(Doctor, SaysWhichRightsAreMissing) {
  const DoctorReport report = diagnose(test::ordinary_user());
  EXPECT_FALSE(report.ready);
  EXPECT_FALSE(report.no_process);
  EXPECT_EQ(report.summary,
            "cannot observe: CAP_BPF and CAP_PERFMON are missing: run with sudo, or grant them");
  EXPECT_EQ(check(report, "tracepoints").value, "not tried: what it rests on failed");
}

TEST(Doctor, SysAdminIncludesTheNarrowRights) {
  DoctorFacts facts = test::root_on_a_host();
  facts.rights = {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"};
  const DoctorReport report = diagnose(facts);
  EXPECT_TRUE(report.ready);
  EXPECT_EQ(check(report, "CAP_BPF").value, "part of CAP_SYS_ADMIN");
}

TEST(Doctor, ContainersAreRefusedWithTheReason) {
  DoctorFacts facts = test::root_on_a_host();
  facts.host.first_pid_namespace = false;
  EXPECT_TRUE(begins(diagnose(facts).summary, "cannot observe: pid namespace: a container's own"));
  facts.host.first_user_namespace = false;
  EXPECT_TRUE(begins(diagnose(facts).summary, "cannot observe: user namespace"));
}

TEST(Doctor, ThatOurProgramsAttachIsWhatCounts) {
  DoctorFacts facts = test::root_on_a_host();
  facts.attach_error = "this kernel refuses the BPF programs (Argument list too long)";
  const DoctorReport report = diagnose(facts);
  EXPECT_FALSE(report.ready);
  EXPECT_NE(report.summary.find("Argument list too long"), std::string::npos) << report.summary;
}

TEST(Doctor, LimitsDoNotKeepFromObserving) {
  DoctorFacts facts = test::root_on_a_host();
  facts.host.counts_run_delay = false;
  ProcessFacts process = test::orders_process();
  process.children = 3;
  process.has_symtab = false;
  facts.processes = {process};
  const DoctorReport report = diagnose(facts);
  EXPECT_TRUE(report.ready);
  EXPECT_TRUE(begins(report.summary, "ready: pid 4242 orders-api can be observed"))
      << report.summary;
  EXPECT_TRUE(report.summary.ends_with("; 3 limits are below")) << report.summary;
  EXPECT_EQ(check(report, "children").cure, "add --children");
  facts.with_children = true;
  EXPECT_TRUE(check(diagnose(facts), "children").ok);
}

TEST(Doctor, AProcessThatIsNotThereComesFirst) {
  DoctorFacts facts = test::ordinary_user();
  ProcessFacts process;
  process.pid = 99;
  process.problem = "pid 99: no such process";
  facts.processes = {process};
  const DoctorReport report = diagnose(facts);
  EXPECT_TRUE(report.no_process);
  EXPECT_EQ(report.summary, "cannot observe: pid 99: no such process");
}

TEST(Doctor, NamesOnlyTheRightsThatAreMissing) {
  DoctorFacts facts = test::root_on_a_host();
  facts.rights = {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE"};
  ProcessFacts process = test::orders_process();
  process.calls_readable = false;
  process.memory_readable = false;
  facts.processes = {process};
  const DoctorReport report = diagnose(facts);
  EXPECT_EQ(check(report, "calls").cure, "run with sudo, or grant CAP_DAC_READ_SEARCH");
  EXPECT_NE(check(report, "memory").cure.find("ptrace_scope"), std::string::npos);
}

TEST(Doctor, SaysWhichAllocatorCannotBeObserved) {
  DoctorFacts facts = test::root_with_tracepoints();
  ProcessFacts process = test::orders_process();
  facts.processes = {process};
  const auto row_of = [](const DoctorReport& report) {
    const auto row = std::ranges::find(report.checks, "allocations", &Check::name);
    return row == report.checks.end() ? Check{} : *row;
  };
  EXPECT_TRUE(row_of(diagnose(facts)).ok);
  EXPECT_EQ(row_of(diagnose(facts)).value, "of glibc 2.36");
  ASSERT_EQ(diagnose(facts).allocators.size(), 1U);

  AllocatorSites other;
  other.allocator = "jemalloc";
  other.reach = AllocatorReach::kShadowed;
  other.not_observable = {"taken over"};
  process.sites.push_back(other);
  facts.processes = {process};
  EXPECT_TRUE(row_of(diagnose(facts)).ok);

  process.sites.back().reach = AllocatorReach::kOwnNames;
  facts.processes = {process};
  EXPECT_FALSE(row_of(diagnose(facts)).ok);
  EXPECT_EQ(row_of(diagnose(facts)).why, "jemalloc: taken over");

  process.sites.erase(process.sites.begin());
  facts.processes = {process};
  EXPECT_EQ(row_of(diagnose(facts)).value, "not observable");
}

}  // namespace
}  // namespace cw
