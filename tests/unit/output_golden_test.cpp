// Whole reports against files in tests/golden.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "analysis/doctor.h"
#include "golden.h"
#include "output/doctor.h"
#include "output/json.h"
#include "output/text.h"
#include "output_doctor_fixtures.h"
#include "output_fixtures.h"

namespace cw {
namespace {

using test::expect_golden;

Report two_processes() {
  Report report = test::guilty_report();
  ProcessReport worker = test::orders_api();
  worker.pid = 4300;
  worker.comm = "worker";
  report.processes.push_back(worker);
  report.locks[0].pids = {4242, 4300};
  report.fidelity.lost.waits = 1200;
  report.fidelity.lost.map_full = 1;
  report.fidelity.stacks_complete_share = 0.9975;
  return report;
}

Report with_idle_waits() {
  Report report = test::healthy_report();
  LockReport queue = test::rates();
  queue.kind = LockKind::kCondvar;
  queue.level = Level::kFine;
  queue.name = "orders::queue";
  queue.waiters_mean = 9.2;
  report.waits = {queue};
  return report;
}

TEST(GoldenText, Guilty) {
  expect_golden("guilty.txt", to_text(test::guilty_report()));
}
TEST(GoldenText, Healthy) {
  expect_golden("healthy.txt", to_text(test::healthy_report()));
}
TEST(GoldenText, SeveralProcessesAndLosses) {
  expect_golden("processes.txt", to_text(two_processes()));
}
TEST(GoldenText, IdleWaits) {
  expect_golden("idle.txt", to_text(with_idle_waits(), {.with_waits = true}));
}
TEST(GoldenText, Allocator) {
  expect_golden("allocator.txt", to_text(test::allocating_report()));
}
TEST(GoldenText, Wide) {
  expect_golden("wide.txt", to_text(test::guilty_report(), {.width = 120}));
}
TEST(GoldenText, Sections) {
  expect_golden("sections.txt", to_text(test::sections_report()));
}
TEST(GoldenJson, Sections) {
  expect_golden("sections.json", to_json(test::sections_report()) + "\n");
}
TEST(GoldenJson, Guilty) {
  expect_golden("guilty.json", to_json(test::guilty_report()) + "\n");
}
TEST(GoldenJson, Allocator) {
  expect_golden("allocator.json", to_json(test::allocating_report()) + "\n");
}
TEST(GoldenJson, IdleWaits) {
  expect_golden("idle.json", to_json(with_idle_waits(), {.with_waits = true}) + "\n");
}

DoctorReport hostile_process() {
  DoctorFacts facts = test::root_with_tracepoints();
  ProcessFacts process = test::orders_process();
  process.comm = "\x1b[31mred\n";
  process.runtimes = {"Go"};
  process.has_symtab = false;
  process.children = 2;
  process.other_pid_namespace = true;
  process.innermost_pid = 7;
  process.files_openable = false;
  AllocatorSites hidden;
  hidden.allocator = "jemalloc\x1b[31m";
  hidden.module = "orders-api";
  hidden.reach = AllocatorReach::kOwnNames;
  hidden.not_observable = {"its symbols were stripped"};
  process.sites.push_back(hidden);
  facts.processes = {process};
  return diagnose(facts);
}

TEST(GoldenText, DoctorReady) {
  expect_golden("doctor_ready.txt", to_text(diagnose(test::root_with_tracepoints())));
}
TEST(GoldenText, DoctorProcess) {
  const std::string text = to_text(hostile_process());
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  expect_golden("doctor_process.txt", text);
}
TEST(GoldenText, DoctorWithoutRights) {
  expect_golden("doctor_user.txt", to_text(diagnose(test::ordinary_user())));
}
TEST(GoldenText, DoctorFitsTheWidth) {
  std::istringstream lines(to_text(hostile_process()));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}
TEST(GoldenJson, Doctor) {
  expect_golden("doctor.json", to_json(hostile_process()) + "\n");
}

}  // namespace
}  // namespace cw
