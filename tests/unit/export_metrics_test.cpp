#include "export/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "export/lock_label.h"
#include "export_fixtures.h"

namespace cw {
namespace {

MetricsOptions options(std::size_t top_n = 10, bool with_pid = false) {
  return {.top_n = top_n, .with_pid = with_pid, .version = "1.2.3"};
}

std::string text_of(const Report& report, const MetricsOptions& how = options()) {
  Metrics metrics(how);
  metrics.add(report);
  return metrics.text(ExpositionFormat::kPrometheus);
}

// Values by everything before them.
std::map<std::string, double> samples_of(const std::string& text) {
  std::map<std::string, double> samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto space = line.rfind(' ');
    EXPECT_TRUE(samples.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second)
        << "twice: " << line;
  }
  return samples;
}

const std::string kLedger = R"({comm="orders-api",kind="mutex",lock="orders::ledger"})";

TEST(Metrics, AreNamedAsPromised) {
  const auto samples = samples_of(text_of(test::guilty_report()));
  EXPECT_EQ(samples.at("contentionwatch_lock_wait_seconds_count" + kLedger), 49'000);
  EXPECT_DOUBLE_EQ(samples.at("contentionwatch_lock_wait_seconds_sum" + kLedger), 12.74);
  EXPECT_DOUBLE_EQ(samples.at("contentionwatch_lock_waiters" + kLedger), 2.548);
  EXPECT_DOUBLE_EQ(samples.at("contentionwatch_lock_busy_ratio" + kLedger), 0.97);
  EXPECT_EQ(samples.at(R"(contentionwatch_verdict{level="culprit"})"), 1);
  EXPECT_EQ(samples.at(R"(contentionwatch_verdict{level="fine"})"), 0);
  EXPECT_DOUBLE_EQ(samples.at("contentionwatch_observer_overhead_ratio"), 0.004);
  EXPECT_EQ(samples.at(R"(contentionwatch_lost_events_total{what="waits"})"), 0);
  EXPECT_EQ(samples.at(R"(contentionwatch_build_info{version="1.2.3"})"), 1);
}

TEST(Metrics, BucketsAreExactAndCumulative) {
  const auto samples = samples_of(text_of(test::guilty_report()));
  const auto up_to = [&](const std::string& le) {
    return samples.at(R"(contentionwatch_lock_wait_seconds_bucket{comm="orders-api",kind="mutex",)"
                      R"(lock="orders::ledger",le=")" +
                      le + "\"}");
  };
  EXPECT_EQ(up_to("1.0239e-05"), 0);
  EXPECT_EQ(up_to("3.2767e-05"), 1'000) << "30 us";
  EXPECT_EQ(up_to("0.000106495"), 10'000) << "and 100 us";
  EXPECT_EQ(up_to("0.003407871"), 48'900) << "and 210 us, 400 us, 1.9 ms";
  EXPECT_EQ(up_to("10.737418239"), 49'000);
  EXPECT_EQ(up_to("+Inf"), 49'000);
}

TEST(Metrics, PassPromtool) {
  EXPECT_TRUE(test::accepts("promtool check metrics", text_of(test::guilty_report())));
  EXPECT_TRUE(test::accepts("promtool check metrics", text_of(test::hostile_report())));
  EXPECT_TRUE(test::accepts("promtool check metrics", text_of(test::report_of(5'000))));
  const Metrics empty(options());
  EXPECT_TRUE(test::accepts("promtool check metrics", empty.text(ExpositionFormat::kPrometheus)));
  EXPECT_FALSE(test::accepts("promtool check metrics 2>/dev/null", "x{y=\"\n\"} 1\n"))
      << "it would tell";
}

TEST(Metrics, CountersOnlyGrowAndGaugesFollow) {
  Metrics metrics(options(2));
  std::map<std::string, double> before;
  for (int round = 0; round < 20; ++round) {
    Report report = test::report_of(static_cast<std::size_t>(round) % 5);
    std::ranges::reverse(report.locks);  // who is first changes
    report.fidelity.lost.waits = 3;
    metrics.add(report);
    const auto now = samples_of(metrics.text(ExpositionFormat::kPrometheus));
    for (const auto& [name, value] : before) {
      if (name.find("waiters") != std::string::npos || name.find("ratio") != std::string::npos ||
          name.find("in_other") != std::string::npos)
        continue;
      ASSERT_TRUE(now.contains(name)) << name;
      EXPECT_GE(now.at(name), value) << name << " in round " << round;
    }
    before = now;
  }
  EXPECT_EQ(before.at(R"(contentionwatch_lost_events_total{what="waits"})"), 60);
  metrics.add(test::report_of(0));
  const auto quiet = samples_of(metrics.text(ExpositionFormat::kPrometheus));
  for (const auto& [name, value] : quiet)
    EXPECT_TRUE(value == 0 || !name.starts_with("contentionwatch_lock_waiters")) << name;
}

Report report_of_memory(std::int32_t processes) {
  Report report;
  for (std::int32_t pid = 1; pid <= processes; ++pid) {
    AllocatorReport& allocator = report.allocators.emplace_back();
    allocator.pid = pid;
    allocator.comm = "orders-api";
    allocator.allocs_per_s = Estimate{.estimate = 1000.0 * pid, .low = {}, .high = {}};
    MemoryReport& memory = report.memory.emplace_back();
    memory.pid = pid;
    memory.comm = "orders-api";
    memory.minor_faults_per_s = pid;
  }
  return report;
}

TEST(Metrics, OfMemoryAreThoseOfProcesses) {
  const auto samples = samples_of(text_of(report_of_memory(1), options(10, true)));
  const std::string process = R"(comm="orders-api",pid="1")";
  EXPECT_EQ(samples.at("contentionwatch_alloc_operations_per_second{" + process + ",op=\"alloc\"}"),
            1000);
  EXPECT_EQ(samples.at("contentionwatch_page_faults_per_second{" + process + ",kind=\"minor\"}"),
            1);
  EXPECT_FALSE(
      samples.contains("contentionwatch_alloc_operations_per_second{" + process + ",op=\"free\"}"))
      << "too little was seen of them: no figure";
}

TEST(Metrics, ShortLivedIsWeighedByHowOftenEachAllocates) {
  constexpr const char* kTogether = R"(contentionwatch_alloc_short_lived_ratio{comm="orders-api"})";
  Report report = report_of_memory(3);  // 1000, 2000, 3000 a second
  EXPECT_FALSE(samples_of(text_of(report)).contains(kTogether)) << "nothing was followed";
  for (const std::size_t i : {0, 2})
    report.allocators[i].lifetimes.emplace().short_lived =
        Estimate{.estimate = i == 0 ? 0.9 : 0.5, .low = {}, .high = {}};
  EXPECT_DOUBLE_EQ(samples_of(text_of(report)).at(kTogether), (900 + 1500) / 4000.0)
      << "of the second, which makes 2000, nothing is known";
}

TEST(Metrics, BusiestProcessesHaveTheirOwnTheOthersAreAddedUp) {
  const auto samples = samples_of(text_of(report_of_memory(4), options(2, true)));
  EXPECT_TRUE(samples.contains(
      R"(contentionwatch_alloc_operations_per_second{comm="orders-api",pid="3",op="alloc"})"));
  EXPECT_EQ(samples.at(R"(contentionwatch_alloc_operations_per_second{comm="other",op="alloc"})"),
            3000);
  const auto together = samples_of(text_of(report_of_memory(4)));
  EXPECT_EQ(
      together.at(R"(contentionwatch_alloc_operations_per_second{comm="orders-api",op="alloc"})"),
      10'000)
      << "of one name";
}

TEST(Metrics, FewSeriesHoweverManyLocks) {
  Report report = test::report_of(5'000);
  const Report memory = report_of_memory(500);
  report.allocators = memory.allocators;
  report.memory = memory.memory;
  const auto samples = samples_of(text_of(report, options(10, true)));
  EXPECT_LE(samples.size(), 300U);
  EXPECT_EQ(samples.at(R"(contentionwatch_lock_wait_seconds_count{comm="other",kind="other",)"
                       R"(lock="other"})"),
            49'000.0 * 4'990);
  EXPECT_EQ(samples.at("contentionwatch_locks_in_other"), 4'990);
}

TEST(Metrics, WhatIsNotListedIsInOther) {
  Report report = test::report_of(1);
  report.locks_not_listed = {.count = 7, .waits = 100, .sum_ns = 5'000'000, .waiters_mean = 0.5};
  const auto samples = samples_of(text_of(report));
  const std::string other = R"({comm="other",kind="other",lock="other"})";
  EXPECT_EQ(samples.at("contentionwatch_lock_wait_seconds_count" + other), 100);
  EXPECT_DOUBLE_EQ(samples.at("contentionwatch_lock_waiters" + other), 0.5);
  EXPECT_EQ(samples.at("contentionwatch_locks_in_other"), 7);
}

TEST(Metrics, LockThatIsQuietForLongGivesItsPlace) {
  Metrics metrics(options(1));
  Report first = test::report_of(1);
  Report second = first;
  second.locks[0].name = "newcomer";
  first.interval_s = second.interval_s = 100;
  const auto has = [&](const std::string& lock) {
    return metrics.text(ExpositionFormat::kPrometheus).find(lock) != std::string::npos;
  };
  metrics.add(first);
  metrics.add(second);
  EXPECT_TRUE(has("lock_0"));
  EXPECT_FALSE(has("newcomer"));
  metrics.add(second);
  metrics.add(second);
  EXPECT_FALSE(has("lock_0"));
  EXPECT_TRUE(has("newcomer"));
}

TEST(Metrics, PidOnlyWhenAskedFor) {
  EXPECT_EQ(text_of(test::guilty_report()).find("pid="), std::string::npos);
  EXPECT_NE(text_of(test::guilty_report(), options(10, true)).find("pid=\"4242\""),
            std::string::npos);
}

TEST(Metrics, NotObservedIsAbsentAndNumbersAreNumbers) {
  Report report = test::guilty_report();
  report.fidelity.target_overhead_pct.reset();
  report.locks[0].waiters_mean = std::numeric_limits<double>::quiet_NaN();
  const auto samples = samples_of(text_of(report));
  EXPECT_FALSE(samples.contains("contentionwatch_observer_overhead_ratio"));
  EXPECT_EQ(samples.at("contentionwatch_lock_waiters" + kLedger), 0);
}

TEST(Metrics, OpenMetricsNamesFamiliesWithoutTheSuffix) {
  Metrics metrics(options());
  metrics.add(test::hostile_report());
  const std::string text = metrics.text(ExpositionFormat::kOpenMetrics);
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
  EXPECT_NE(text.find("# TYPE contentionwatch_lost_events counter\n"), std::string::npos);
  EXPECT_NE(text.find("\ncontentionwatch_lost_events_total{"), std::string::npos);
  EXPECT_NE(text.find("# TYPE contentionwatch_build info\n"), std::string::npos);
}

TEST(LockLabel, HoldsNoAddressAndNoThread) {
  LockReport lock = test::ledger();
  const auto label_of = [&](const std::string& name, bool has_symbol = false) {
    lock.name = name;
    lock.has_symbol = has_symbol;
    return lock_label(lock);
  };
  EXPECT_EQ(label_of("orders::ledger", true), "orders::ledger");
  EXPECT_EQ(label_of("0x55d0c0de4040"), "");
  EXPECT_EQ(label_of("shared inode 71+0x40"), "");
  EXPECT_EQ(label_of("heap, locked in orders::lookup"), "heap, locked in orders::lookup");
  EXPECT_EQ(label_of("stack of 4251, locked in f"), "a stack, locked in f");
  EXPECT_LE(label_of(std::string(5'000, 'x'), true).size(), 200U);
}

}  // namespace
}  // namespace cw
