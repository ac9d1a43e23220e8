// Lives of blocks in real processes, against what these know of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "child_process.h"
#include "command.h"

namespace cw::test {
namespace {

using nlohmann::json;

constexpr const char* kJemalloc = "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";

struct WatchedLives {
  json report;
  json truth;
};

// Watches the workload for ten seconds at a budget that leaves no doubt.
WatchedLives watch_lives(std::vector<std::string> work, std::vector<std::string> run_by = {}) {
  Workload workload(std::move(work), std::move(run_by));
  ChildProcess observer(command({"--pid", std::to_string(workload.pid()), "--format", "json", "-i",
                                 "10", "-d", "10", "--budget", "20"}));
  workload.go();
  const std::vector<json> reports = reports_in(observer.read_all());
  EXPECT_EQ(observer.wait(), 0);
  workload.stop();
  WatchedLives watched{.report = reports.empty() ? json() : reports.back(),
                       .truth = workload.expect("done")};
  EXPECT_EQ(workload.finish(), 0);
  return watched;
}

const json& allocator_row(const json& report, const std::string& allocator) {
  for (const json& row : report.at("allocators"))
    if (row.at("allocator").get<std::string>().starts_with(allocator)) return row;
  throw std::runtime_error("no row of " + allocator + ": " + report.at("allocators").dump());
}

double share_of(const json& truth, const char* what) {
  return truth.at(what).get<double>() / truth.at("made").get<double>();
}

// The sites of a row whose stack holds a function, and blocks of which were followed.
std::vector<json> sites_with(const json& row, const std::string& function) {
  std::vector<json> found;
  for (const json& site : row.at("sites"))
    for (const json& frame : site.at("stack"))
      if (frame.value("function", "").find(function) != std::string::npos) {
        if (site.value("followed", 0) >= 40) found.push_back(site);
        break;
      }
  return found;
}

void expect_truth(const json& row, const json& truth) {
  ASSERT_TRUE(row.contains("short_lived_share")) << row.dump().substr(0, 800);
  const double share = share_of(truth, "short");
  EXPECT_NEAR(row.at("short_lived_share").get<double>(), share, 0.05);
  EXPECT_LE(row.at("short_lived_low").get<double>(), share + 0.03);
  EXPECT_GE(row.at("short_lived_high").get<double>(), share - 0.03);
  EXPECT_GE(row.at("lifetime_ns").at("count").get<int>(), 200);
}

void expect_true_sites(const json& row, const json& truth) {
  for (const json& site : truth.at("sites")) {
    const auto function = site.at("function").get<std::string>();
    const std::vector<json> rows = sites_with(row, function);
    EXPECT_FALSE(rows.empty()) << function << " in " << row.at("sites").dump().substr(0, 2000);
    for (const json& found : rows) {
      if (found.contains("short_lived_share")) {
        EXPECT_NEAR(found.at("short_lived_share").get<double>(), share_of(site, "short"), 0.12)
            << function;
      }
      // A window shows a block's end only if it comes soon.
      if (found.contains("cross_thread_free_share")) {
        EXPECT_NEAR(found.at("cross_thread_free_share").get<double>(), share_of(site, "elsewhere"),
                    0.12)
            << function;
      }
    }
  }
}

bool has_lives(const json& row, const json& truth) {
  return row.contains("short_lived_share") &&
         std::ranges::all_of(truth.at("sites"), [&](const json& site) {
           return !sites_with(row, site.at("function").get<std::string>()).empty();
         });
}

// Again, where a crowded machine left room for too few windows: what they show is to be true, how
// many there are is not the matter here.
WatchedLives watch_for_lives(const std::vector<std::string>& work, const std::string& allocator,
                             const std::vector<std::string>& run_by = {}) {
  constexpr int kTries = 3;
  WatchedLives watched = watch_lives(work, run_by);
  for (int tried = 1; tried < kTries; ++tried) {
    if (has_lives(allocator_row(watched.report, allocator), watched.truth)) break;
    watched = watch_lives(work, run_by);
  }
  return watched;
}

TEST(Lifetimes, OfMallocsBlocks) {
  const WatchedLives watched = watch_for_lives({"alloc_lives", "malloc", "2", "0", "400"}, "glibc");
  const json& row = allocator_row(watched.report, "glibc");
  expect_truth(row, watched.truth);
  expect_true_sites(row, watched.truth);
}

// operator new is not probed at its return, as it may throw; the malloc that it calls is, and the
// blocks are those of who called operator new.
TEST(Lifetimes, OfOperatorNewsBlocks) {
  const WatchedLives watched = watch_for_lives({"alloc_lives", "new", "2", "0", "400"}, "glibc");
  const json& row = allocator_row(watched.report, "glibc");
  expect_truth(row, watched.truth);
  expect_true_sites(row, watched.truth);
}

TEST(Lifetimes, OfJemallocsBlocks) {
  const WatchedLives watched = watch_for_lives({"alloc_lives", "malloc", "2", "0", "400"},
                                               "jemalloc", {"/usr/bin/env", kJemalloc});
  expect_truth(allocator_row(watched.report, "jemalloc"), watched.truth);
}

// jemalloc's operator new is its own: it may throw, so its blocks are left alone, and this is said.
TEST(Lifetimes, OperatorNewOfAnAllocatorIsSaidNotToBeFollowed) {
  const WatchedLives watched =
      watch_lives({"alloc_lives", "new", "1", "0", "400"}, {"/usr/bin/env", kJemalloc});
  const json& row = allocator_row(watched.report, "jemalloc");
  EXPECT_TRUE(row.at("lifetime_remark").get<std::string>().contains("operator new")) << row.dump();
  for (const json& site : sites_with(row, "make_scratch")) ADD_FAILURE() << site.dump();
}

// The malloc inside an operator new that fails is followed to its return; what is thrown then has
// nothing of ours in its way.
TEST(Lifetimes, ProcessThatThrowsBadAllocLives) {
  const WatchedLives watched = watch_lives({"alloc_work", "throw", "2", "0"});
  EXPECT_GT(watched.truth.at("allocs").get<int>(), 1000);
  const json& row = allocator_row(watched.report, "glibc");
  EXPECT_FALSE(row.contains("lifetime_remark")) << row.dump();
  // Nothing is made where all fails, but for what the exceptions themselves take.
  EXPECT_GT(row.at("size_bytes").at("count").get<int>(), 0);
}

// A filter that knows nothing of probes ends who is probed at a return, on some kernels.
TEST(Lifetimes, FilteredProcessIsCountedButNotFollowed) {
  const WatchedLives watched = watch_lives({"alloc_lives", "malloc", "1", "0", "400", "1"});
  const json& row = allocator_row(watched.report, "glibc");
  EXPECT_TRUE(row.at("lifetime_remark").get<std::string>().contains("seccomp")) << row.dump();
  EXPECT_FALSE(row.contains("lifetime_ns"));
  EXPECT_GT(row.at("size_bytes").at("count").get<int>(), 0);
}

// Calls of glibc's malloc take hardly more than the probe, so that the verdict leaves them at that.
TEST(Lifetimes, LatencyOfFastCallsIsNotMadeMuchOf) {
  const WatchedLives watched = watch_lives({"alloc_lives", "malloc", "1", "0", "400"});
  const json& latency = allocator_row(watched.report, "glibc").at("latency_ns");
  EXPECT_GT(latency.at("floor_ns").get<double>(), 50);
  EXPECT_EQ(latency.contains("under_ns"), latency.at("p50") < latency.at("floor_ns"));
  EXPECT_LT(latency.at("p50").get<double>(), 4 * latency.at("floor_ns").get<double>());
  EXPECT_TRUE(
      watched.report.at("allocators")[0].at("arithmetic").get<std::string>().find("measured") ==
      std::string::npos);
}

}  // namespace
}  // namespace cw::test
