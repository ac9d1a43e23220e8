#include "output/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "output/layout.h"
#include "output_fixtures.h"

namespace cw {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void expect_fits(const std::string& text, std::size_t width) {
  for (const std::string& line : lines_of(text)) EXPECT_LE(columns(line), width) << line;
}

Report hostile_report() {
  Report report = test::guilty_report();
  const std::string name = "\x1b]0;owned\x07" + std::string(300, 'x') + "\xff\n";
  const std::string templates = "void a::b<std::map<int, " + std::string(500, 'y') + "> >::f(int)";
  report.host = name;
  report.verdict.summary = name + " is guilty " + name;
  report.verdict.cleared = {name};
  report.processes[0].comm = name;
  report.processes[0].runtimes = {name, name};
  for (LockReport& lock : report.locks) {
    lock.name = templates;
    lock.object = name;
    lock.comm = name;
    lock.arithmetic = name;
    lock.advice = {name};
    if (lock.owner) lock.owner->comm = name;
    for (Waiters& waiters : lock.waiters)
      for (Frame& frame : waiters.stack.frames) {
        frame.function = name;
        frame.file = "/" + name;
        frame.module = name;
      }
  }
  return report;
}

TEST(Text, NoLineIsLongerThanAsked) {
  for (const std::size_t width : {60U, 80U, 132U}) {
    expect_fits(to_text(test::guilty_report(), {.width = width}), width);
    expect_fits(to_text(test::healthy_report(), {.width = width}), width);
    expect_fits(to_text(hostile_report(), {.width = width}), width);
  }
}

TEST(Text, HostileNamesDoNotReachTheTerminal) {
  const std::string text = to_text(hostile_report());
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_EQ(text.find('\xff'), std::string::npos);
  EXPECT_NE(text.find("\\x1b]0;owned"), std::string::npos);
}

TEST(Text, ColoursOnlyWhenTold) {
  EXPECT_EQ(to_text(test::guilty_report()).find('\x1b'), std::string::npos);
  const std::string coloured = to_text(test::guilty_report(), {.color = true});
  EXPECT_NE(coloured.find("\x1b[1;31mCULPRIT"), std::string::npos);
}

TEST(Text, TheAnswerComesFirst) {
  const std::vector<std::string> lines = lines_of(to_text(test::guilty_report()));
  ASSERT_GT(lines.size(), 3U);
  EXPECT_TRUE(lines[2].starts_with("CULPRIT   mutex orders::ledger: 2.5 of 14 threads"));
}

TEST(Text, AHealthyProcessGetsNoTable) {
  const std::string text = to_text(test::healthy_report());
  EXPECT_EQ(text.find("WAITS/S"), std::string::npos);
  EXPECT_NE(text.find("12.7 threads sleep in system calls: 11.9 in epoll_wait, 0.8 in fsync"),
            std::string::npos);
}

TEST(Text, TopCutsAndSaysSo) {
  const std::string text = to_text(test::guilty_report(), {.top_n = 1});
  EXPECT_EQ(text.find("orders::rates"), std::string::npos);
  EXPECT_NE(text.find("1 more"), std::string::npos);
}

TEST(Text, NothingSeenIsAReportToo) {
  const std::string text = to_text(Report{});
  EXPECT_NE(text.find("FINE"), std::string::npos);
  expect_fits(text, 80);
}

TEST(Text, WhatCountingCostsIsToldApartWhereItTakesMoreThanTheBudget) {
  Report report = test::guilty_report();
  report.fidelity.target_overhead_pct = 2.75;
  report.fidelity.counting_overhead_pct = 2.5;
  report.fidelity.alloc_overhead_pct = 0.15;
  EXPECT_NE(to_text(report, {.width = 200})
                .find("2 % of the target's CPU for counting waits, 0.2 % for all else (budget 1 %: "
                      "stacks 0.1 %, probes on allocators 0.1 %), 0.6 % of a core itself"),
            std::string::npos)
      << to_text(report, {.width = 200});
}

TEST(Text, LossesAreTold) {
  Report report = test::guilty_report();
  EXPECT_NE(to_text(report).find("nothing lost"), std::string::npos);
  report.fidelity.lost.stacks = 3;
  EXPECT_NE(to_text(report).find("LOST: 3 stacks"), std::string::npos);
}

}  // namespace
}  // namespace cw
