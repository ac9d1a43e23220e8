// Recordings made by hand, and a service with a thousand locks to make long ones of.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "analysis/arithmetic.h"
#include "output_fixtures.h"
#include "recording/reader.h"
#include "recording/writer.h"

namespace cw::test {

inline RecordedRun some_run() {
  return {.version = "0.1.0",
          .top_n = 10,
          .with_pid = true,
          .with_waits = false,
          .watched = "pid=4242"};
}

inline std::string recorded(const std::vector<Report>& reports) {
  RecordingWriter writer(some_run());
  std::string file = RecordingWriter::begin();
  for (const Report& report : reports) file += writer.add(report);
  return file;
}

struct Replayed {
  std::vector<Report> reports;
  RecordedRun run;
  std::string missing;
};

inline Replayed replayed(const std::string& file) {
  auto reader = RecordingReader::open(std::make_unique<std::istringstream>(file), "x.cwrec");
  if (!reader) return {.reports = {}, .run = {}, .missing = reader.error().message};
  Replayed all;
  while (auto report = reader->next()) all.reports.push_back(std::move(*report));
  all.run = reader->run();
  all.missing = reader->missing();
  return all;
}

// A service of many locks of which few are busy, second by second. Each is waited for once, and
// `waits_per_s` are shared out by Zipf's law; their number is Poisson's, their lengths log-normal.
class BusyService {
 public:
  BusyService(std::size_t locks, double waits_per_s) : waits_per_s_(waits_per_s) {
    for (std::size_t i = 0; i < locks; ++i) {
      Known known;
      known.address = 0x7f3a'0000'0000 + 64 * (random_() % (1U << 22U));
      known.weight = 1 / static_cast<double>(i + 1);
      known.mean_ns = std::exp(9.0 + 3.0 * uniform());  // 8 us to 160 us
      total_weight_ += known.weight;
      locks_.push_back(known);
    }
  }

  Report next() {
    Report report = guilty_report();
    report.interval = ++intervals_;
    report.started = fmt::format("2025-03-01T{:02}:{:02}:{:02}.{:03}Z", intervals_ / 3600,
                                 intervals_ / 60 % 60, intervals_ % 60, random_() % 1000);
    length_ns_ = 1'000'000'000 + random_() % 300'000;
    report.interval_s = static_cast<double>(length_ns_) / 1e9;
    report.locks.clear();
    for (const Known& known : locks_)
      if (auto lock = row_of(known); lock.waits != 0) report.locks.push_back(std::move(lock));
    std::ranges::sort(report.locks, std::ranges::greater{}, &LockReport::waiters_mean);
    for (std::size_t i = 0; i < 10 && i < report.locks.size(); ++i) add_stacks(report.locks[i]);
    return report;
  }

 private:
  struct Known {
    std::uint64_t address = 0;
    double weight = 0;
    double mean_ns = 0;
  };

  double uniform() { return std::uniform_real_distribution(0.0, 1.0)(random_); }

  LockReport row_of(const Known& known) {
    Lock lock;
    LockReport& row = lock.report;
    row.pids = {4242};
    row.comm = "orders-api";
    row.kind = LockKind::kMutex;
    row.address = known.address;
    row.name = fmt::format("{:#x}", known.address);
    row.waits = 1 + std::poisson_distribution<std::uint64_t>(waits_per_s_ * known.weight /
                                                             total_weight_)(random_);
    std::lognormal_distribution<double> length(std::log(known.mean_ns), 0.7);
    for (std::uint64_t i = 0; i < row.waits; ++i) {
      const auto ns = static_cast<std::uint64_t>(length(random_));
      row.wait.sum_ns += ns;
      row.wait.histogram.add(bucket_of(ns), 1);
      row.wake_gap.histogram.add(bucket_of(ns * 9 / 10), 1);
      row.runnable_ns += static_cast<std::uint64_t>(static_cast<double>(ns) * 0.2 * uniform());
    }
    row.wait.count = row.wake_gap.count = row.waits;
    row.threads = std::min<std::uint64_t>(row.waits, 4);
    const auto over = [&](std::uint64_t ns) {
      return static_cast<double>(ns) / static_cast<double>(length_ns_);
    };
    row.waits_per_s = static_cast<double>(row.waits) / (static_cast<double>(length_ns_) / 1e9);
    // The integral begins when the hook runs, and ends a little before the call returns.
    const std::uint64_t inside = row.wait.sum_ns - std::min(row.wait.sum_ns, random_() % 700);
    row.waiters_mean = over(inside);
    row.busy_share = std::min(1.0, over(row.waits == 1 ? inside : inside - inside / 50));
    row.runnable_mean = std::min(row.waiters_mean, over(row.runnable_ns));
    row.arithmetic = lock_arithmetic(lock, static_cast<double>(length_ns_) / 1e9, 14);
    return row;
  }

  void add_stacks(LockReport& row) {
    row.object = "heap";
    row.waiters = ledger().waiters;
    row.releasers = ledger().releasers;
    double rest = 1;
    for (Waiters& waiters : row.waiters) {
      waiters.share = rest * uniform();
      rest -= waiters.share;
      waiters.waits = static_cast<std::uint64_t>(waiters.share * static_cast<double>(row.waits));
      for (std::size_t i = 0; i < 12; ++i)
        waiters.stack.frames.push_back(
            stack_of({{"orders::Worker::run_one_of_many", "src/worker.cpp",
                       static_cast<std::uint32_t>(100 + (row.address / 64 + i) % 500)}})
                .frames[0]);
    }
    for (Releasers& releasers : row.releasers) {
      releasers.share = uniform();
      releasers.wakes = random_() % row.waits;
    }
  }

  std::mt19937_64 random_{1};  // NOLINT(cert-msc51-cpp): the same each time
  std::vector<Known> locks_;
  double waits_per_s_;
  double total_weight_ = 0;
  std::uint64_t intervals_ = 0;
  std::uint64_t length_ns_ = 0;
};

}  // namespace cw::test
