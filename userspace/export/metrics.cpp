#include "export/metrics.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "export/report_time.h"

namespace cw {
namespace {

const LockLabels kOtherLocks{.comm = "other", .pid = {}, .kind = "other", .lock = "other"};

Labels labels_of(const LockLabels& lock) {
  Labels labels{{"comm", lock.comm}};
  if (!lock.pid.empty()) labels.emplace_back("pid", lock.pid);
  labels.emplace_back("kind", lock.kind);
  labels.emplace_back("lock", lock.lock);
  return labels;
}

Labels labels_of(const ProcessLabels& process) {
  Labels labels{{"comm", process.comm}};
  if (!process.pid.empty()) labels.emplace_back("pid", process.pid);
  return labels;
}

double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / kNsPerSecond;
}

HistogramSample histogram_of(const WaitBuckets& waits) {
  HistogramSample sample{.buckets = {}, .count = waits.count(), .sum = seconds(waits.sum_ns())};
  for (std::size_t i = 0; i < WaitBuckets::kBounds; ++i)
    sample.buckets.push_back({.bound = seconds(WaitBuckets::bound(i)), .up_to = waits.up_to(i)});
  return sample;
}

}  // namespace

Metrics::Metrics(MetricsOptions options)
    : options_(std::move(options)),
      locks_(options_.top_n, options_.with_pid),
      processes_(options_.top_n, options_.with_pid) {}

void Metrics::add(const Report& report) {
  if (began_ns_ == 0) began_ns_ = time_of(report).began_ns;
  locks_.add(report);
  processes_.add(report);
  level_ = report.verdict.level;
  overhead_pct_ = report.fidelity.target_overhead_pct;
  const LossReport& lost = report.fidelity.lost;
  lost_.waits += lost.waits;
  lost_.stacks += lost.stacks;
  lost_.allocs += lost.allocs;
  lost_.events += lost.events;
  lost_.map_full += lost.map_full;
}

void Metrics::write_to(MetricWriter& out) const {
  put_locks(out);
  put_memory(out);
  put_verdict(out);
  put_observer(out);
  put_losses(out);
}

std::string Metrics::text(ExpositionFormat format) const {
  Exposition out(format);
  write_to(out);
  return out.finish();
}

void Metrics::put_locks(MetricWriter& out) const {
  out.family({.name = "contentionwatch_lock_wait_seconds",
              .type = MetricType::kHistogram,
              .unit = "s",
              .help = fmt::format(
                  "Completed waits for a lock. At most {} locks have series, all others are "
                  "added up in lock=\"other\". Where only the mean of waits is known, all "
                  "are counted at the mean.",
                  options_.top_n)});
  for (const auto& [labels, sums] : locks_.named())
    out.histogram(labels_of(labels), histogram_of(sums.waits), sums.began_ns);
  out.histogram(labels_of(kOtherLocks), histogram_of(locks_.others().waits),
                locks_.others().began_ns);

  out.family({.name = "contentionwatch_lock_waiters",
              .unit = "{thread}",
              .help = "Mean number of threads waiting for the lock in the last interval."});
  for (const auto& [labels, sums] : locks_.named()) out.gauge(labels_of(labels), sums.waiters);
  out.gauge(labels_of(kOtherLocks), locks_.others().waiters);

  out.family({.name = "contentionwatch_lock_busy_ratio",
              .unit = "1",
              .help =
                  "Share of the last interval in which somebody waited for the lock; of several "
                  "locks with the same labels, the largest."});
  for (const auto& [labels, sums] : locks_.named()) out.gauge(labels_of(labels), sums.busy);

  out.family({.name = "contentionwatch_locks_in_other",
              .unit = "{lock}",
              .help = "Locks waited for in the last interval that are in lock=\"other\"."});
  out.gauge({}, static_cast<double>(locks_.summed_up()));
}

// One family of a figure that each process has, or several of which the label `key` tells apart.
void Metrics::put_memory(MetricWriter& out) const {
  using Figure = std::function<std::optional<double>(const MemoryRates&)>;
  struct One {
    std::string_view value;  // of the label
    Figure figure;
  };
  const auto put = [&](const MetricFamily& family, std::string_view key,
                       const std::vector<One>& figures) {
    out.family(family);
    const auto sample = [&](const Labels& labels, const MemoryRates& rates) {
      for (const auto& [value, figure] : figures) {
        const std::optional<double> known = figure(rates);
        if (!known) continue;
        Labels of_one = labels;
        if (!key.empty()) of_one.emplace_back(key, value);
        out.gauge(of_one, *known);
      }
    };
    for (const auto& [labels, rates] : processes_.named()) sample(labels_of(labels), rates);
    sample(labels_of(ProcessLabels{.comm = "other", .pid = {}}), processes_.others());
  };
  put({.name = "contentionwatch_alloc_operations_per_second",
       .unit = "{operation}/s",
       .help = "Calls of allocators in the last interval, estimated from windows in which they are "
               "probed."},
      "op", {{"alloc", &MemoryRates::allocs}, {"free", &MemoryRates::frees}});
  put({.name = "contentionwatch_alloc_bytes_per_second",
       .unit = "By/s",
       .help = "Bytes asked for in them."},
      "", {{"", &MemoryRates::alloc_bytes}});
  put({.name = "contentionwatch_alloc_short_lived_ratio",
       .unit = "1",
       .help = "Share of their allocations that is freed within 1 ms, estimated from windows in "
               "which blocks are followed."},
      "", {{"", &MemoryRates::short_lived_ratio}});
  put({.name = "contentionwatch_page_faults_per_second",
       .unit = "{fault}/s",
       .help = "Page faults in the last interval."},
      "kind", {{"minor", &MemoryRates::minor_faults}, {"major", &MemoryRates::major_faults}});
}

void Metrics::put_verdict(MetricWriter& out) const {
  out.family({.name = "contentionwatch_verdict",
              .unit = {},
              .help = "1 for the level of the last interval's verdict, 0 for the others."});
  if (!level_) return;
  for (const Level level : {Level::kCulprit, Level::kSuspect, Level::kFine})
    out.gauge({{"level", name_of(level)}}, level == *level_ ? 1 : 0);
}

void Metrics::put_observer(MetricWriter& out) const {
  out.family({.name = "contentionwatch_observer_overhead_ratio",
              .unit = "1",
              .help = "What observing costs the observed, of its CPU time in the last interval."});
  if (overhead_pct_) out.gauge({}, *overhead_pct_ / 100);

  out.family({.name = "contentionwatch_build",
              .type = MetricType::kInfo,
              .unit = {},
              .help = "The version that is running."});
  out.gauge({{"version", options_.version}}, 1);
}

void Metrics::put_losses(MetricWriter& out) const {
  out.family({.name = "contentionwatch_lost_events",
              .type = MetricType::kCounter,
              .unit = "{event}",
              .help = "What could not be counted since the start."});
  const std::array<std::pair<const char*, std::uint64_t>, 5> lost = {
      {{"waits", lost_.waits},
       {"stacks", lost_.stacks},
       {"allocs", lost_.allocs},
       {"events", lost_.events},
       {"map_full", lost_.map_full}}};
  for (const auto& [what, count] : lost) out.counter({{"what", what}}, count, began_ns_);

  if (!push_losses_) return;
  out.family({.name = "contentionwatch_otlp_dropped",
              .type = MetricType::kCounter,
              .unit = {},
              .help = "What was to be pushed to a collector since the start and did not get there: "
                      "whole reports, and points that it refused of others."});
  out.counter({{"what", "reports"}}, push_losses_->reports, began_ns_);
  out.counter({{"what", "points"}}, push_losses_->points, began_ns_);
}

}  // namespace cw
