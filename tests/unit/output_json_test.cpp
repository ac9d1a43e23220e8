#include "output/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "output_fixtures.h"

namespace cw {
namespace {

using nlohmann::json;

json parsed(const Report& report, const JsonOptions& options = {}) {
  return json::parse(to_json(report, options));
}

TEST(Json, HasTheContractsNames) {
  const json report = parsed(test::guilty_report());
  EXPECT_EQ(report["schema"], "contentionwatch.report/1");
  for (const char* key : {"host", "kernel", "started", "interval", "interval_s", "final",
                          "processes", "verdict", "locks", "idle_waits", "fidelity"})
    EXPECT_TRUE(report.contains(key)) << key;
  for (const char* key : {"pids",       "comm",
                          "kind",       "name",
                          "address",    "object",
                          "level",      "cause",
                          "arithmetic", "advice",
                          "waits",      "waits_per_s",
                          "timed_out",  "interrupted",
                          "raced",      "in_progress",
                          "threads",    "runnable_ns",
                          "wait_ns",    "waiters_mean",
                          "busy_share", "wake_gap_ns",
                          "owner",      "waiters",
                          "releasers",  "unattributed_share"})
    EXPECT_TRUE(report["locks"][0].contains(key)) << key;
  for (const char* key : {"count", "sum", "mean", "p50", "p90", "p99", "max", "buckets"})
    EXPECT_TRUE(report["locks"][0]["wait_ns"].contains(key)) << key;
  for (const char* key : {"pid", "comm", "exe", "cgroup", "threads", "cpu_s", "runtimes",
                          "allocators", "threads_mean"})
    EXPECT_TRUE(report["processes"][0].contains(key)) << key;
  for (const char* key : {"on_cpu", "runnable", "lock_wait", "idle_wait", "other"})
    EXPECT_TRUE(report["processes"][0]["threads_mean"].contains(key)) << key;
  for (const char* key :
       {"budget_pct", "target_overhead_pct", "bystander_ns_per_syscall", "self_cpu_pct",
        "self_rss_bytes", "hooks", "stacks_complete_share", "stacks_sampled_share", "lost",
        "counting_overhead_pct", "stacks_overhead_pct"})
    EXPECT_TRUE(report["fidelity"].contains(key)) << key;
}

TEST(Json, AbsentMeansNotObserved) {
  Report report = test::guilty_report();
  report.locks[0].owner.reset();
  report.locks[0].address = 0;
  report.fidelity.target_overhead_pct.reset();
  report.fidelity.stacks_complete_share.reset();
  report.observed.alloc = false;
  const json object = parsed(report);
  EXPECT_FALSE(object["locks"][0].contains("owner"));
  EXPECT_FALSE(object["locks"][0].contains("address"));
  EXPECT_FALSE(object["fidelity"].contains("target_overhead_pct"));
  EXPECT_FALSE(object["fidelity"].contains("stacks_complete_share"));
  EXPECT_TRUE(object.at("deadlocks").empty()) << "looked for, none";
  EXPECT_FALSE(object.contains("allocators"));
  EXPECT_FALSE(object["locks"][0]["waiters"][1]["stack"][1].contains("mode"));
}

TEST(Json, IsOneLineWhateverTheNames) {
  Report report = test::guilty_report();
  report.processes[0].comm = "a\nb\xff\x1b";
  report.locks[0].name = std::string("\xc3\x28\0z", 4);
  report.locks[0].waiters[0].stack.frames[0].function = "\xed\xa0\x80";
  const std::string text = to_json(report);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  const json object = json::parse(text);
  EXPECT_EQ(object["processes"][0]["comm"], "a\nb\xef\xbf\xbd\x1b");
}

TEST(Json, NumbersAreAlwaysNumbers) {
  using Limits = std::numeric_limits<double>;
  Report report = test::guilty_report();
  report.interval_s = Limits::quiet_NaN();
  report.locks[0].waiters_mean = Limits::infinity();
  report.fidelity.target_overhead_pct = Limits::quiet_NaN();
  const json object = parsed(report);
  EXPECT_EQ(object["interval_s"], 0.0);
  EXPECT_EQ(object["locks"][0]["waiters_mean"], 0.0);
  EXPECT_EQ(object["fidelity"]["target_overhead_pct"], 0.0);
}

TEST(Json, BucketsAscendAndAddUp) {
  const json wait = parsed(test::guilty_report())["locks"][0]["wait_ns"];
  std::uint64_t total = 0;
  std::uint64_t edge = 0;
  for (const json& bucket : wait["buckets"]) {
    EXPECT_GT(bucket["le"].get<std::uint64_t>(), edge);
    edge = bucket["le"];
    total += bucket["count"].get<std::uint64_t>();
  }
  EXPECT_EQ(total, wait["count"]);
  EXPECT_EQ(edge, wait["max"]);
}

TEST(Json, IdleWaitsAreListedOnlyWhenAsked) {
  Report report = test::guilty_report();
  report.waits = {test::rates()};
  EXPECT_FALSE(parsed(report).contains("waits"));
  EXPECT_EQ(parsed(report, {.with_waits = true})["waits"].size(), 1U);
  EXPECT_EQ(parsed(report)["idle_waits"]["count"], 300);
}

TEST(Json, SaysWhereItCut) {
  const Report report = test::guilty_report();
  EXPECT_FALSE(parsed(report).contains("locks_not_listed"));
  const json cut = parsed(report, {.max_rows = 1});
  EXPECT_EQ(cut["locks"].size(), 1U);
  EXPECT_EQ(cut["locks_not_listed"]["count"], 2);
  EXPECT_NEAR(cut["locks_not_listed"]["waiters_mean"].get<double>(), 0.129, 1e-9);
}

TEST(Json, KeepsWholeSymbols) {
  Report report = test::guilty_report();
  report.locks[0].waiters[0].stack.frames[1].function = "std::vector<int>::f(int)";
  EXPECT_EQ(parsed(report)["locks"][0]["waiters"][0]["stack"][1]["function"],
            "std::vector<int>::f(int)");
}

}  // namespace
}  // namespace cw
