#include "export/metrics.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace cw {
namespace {

constexpr double kNsPerSecond = 1e9;
const LockLabels kOther{.comm = "other", .pid = {}, .kind = "other", .lock = "other"};

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

void put_histogram(Exposition& out, const LockLabels& lock, const WaitBuckets& waits) {
  Labels labels = labels_of(lock);
  labels.emplace_back("le", "");
  for (std::size_t i = 0; i < WaitBuckets::kBounds; ++i) {
    labels.back().second = fmt::format("{}", seconds(WaitBuckets::bound(i)));
    out.sample(labels, static_cast<double>(waits.up_to(i)), "_bucket");
  }
  labels.back().second = "+Inf";
  out.sample(labels, static_cast<double>(waits.count()), "_bucket");
  labels.pop_back();
  out.sample(labels, seconds(waits.sum_ns()), "_sum");
  out.sample(labels, static_cast<double>(waits.count()), "_count");
}

}  // namespace

Metrics::Metrics(MetricsOptions options)
    : options_(std::move(options)),
      locks_(options_.top_n, options_.with_pid),
      processes_(options_.top_n, options_.with_pid) {}

void Metrics::add(const Report& report) {
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

std::string Metrics::text(ExpositionFormat format) const {
  Exposition out(format);
  put_locks(out);
  put_memory(out);
  put_verdict(out);
  put_observer(out);
  return out.finish();
}

void Metrics::put_locks(Exposition& out) const {
  out.family("contentionwatch_lock_wait_seconds", MetricType::kHistogram,
             fmt::format("Completed waits for a lock. At most {} locks have series, all others are "
                         "added up in lock=\"other\". Where only the mean of waits is known, all "
                         "are counted at the mean.",
                         options_.top_n));
  for (const auto& [labels, sums] : locks_.named()) put_histogram(out, labels, sums.waits);
  put_histogram(out, kOther, locks_.others().waits);

  out.family("contentionwatch_lock_waiters", MetricType::kGauge,
             "Mean number of threads waiting for the lock in the last interval.");
  for (const auto& [labels, sums] : locks_.named()) out.sample(labels_of(labels), sums.waiters);
  out.sample(labels_of(kOther), locks_.others().waiters);

  out.family("contentionwatch_lock_busy_ratio", MetricType::kGauge,
             "Share of the last interval in which somebody waited for the lock; of several locks "
             "with the same labels, the largest.");
  for (const auto& [labels, sums] : locks_.named()) out.sample(labels_of(labels), sums.busy);

  out.family("contentionwatch_locks_in_other", MetricType::kGauge,
             "Locks waited for in the last interval that are in lock=\"other\".");
  out.sample({}, static_cast<double>(locks_.summed_up()));
}

// One family of a figure that each process has, or several of which the label `key` tells apart.
void Metrics::put_memory(Exposition& out) const {
  using Figure = std::optional<double> MemoryRates::*;
  struct One {
    std::string_view value;  // of the label
    Figure figure;
  };
  const auto put = [&](std::string_view name, std::string_view help, std::string_view key,
                       const std::vector<One>& figures) {
    out.family(name, MetricType::kGauge, help);
    const auto sample = [&](const Labels& labels, const MemoryRates& rates) {
      for (const auto& [value, figure] : figures) {
        if (!(rates.*figure)) continue;
        Labels of_one = labels;
        if (!key.empty()) of_one.emplace_back(key, value);
        out.sample(of_one, *(rates.*figure));
      }
    };
    for (const auto& [labels, rates] : processes_.named()) sample(labels_of(labels), rates);
    sample(labels_of(ProcessLabels{.comm = "other", .pid = {}}), processes_.others());
  };
  put("contentionwatch_alloc_operations_per_second",
      "Calls of allocators in the last interval, estimated from windows in which they are probed.",
      "op", {{"alloc", &MemoryRates::allocs}, {"free", &MemoryRates::frees}});
  put("contentionwatch_alloc_bytes_per_second", "Bytes asked for in them.", "",
      {{"", &MemoryRates::alloc_bytes}});
  put("contentionwatch_page_faults_per_second", "Page faults in the last interval.", "kind",
      {{"minor", &MemoryRates::minor_faults}, {"major", &MemoryRates::major_faults}});
}

void Metrics::put_verdict(Exposition& out) const {
  out.family("contentionwatch_verdict", MetricType::kGauge,
             "1 for the level of the last interval's verdict, 0 for the others.");
  if (!level_) return;
  for (const Level level : {Level::kCulprit, Level::kSuspect, Level::kFine})
    out.sample({{"level", name_of(level)}}, level == *level_ ? 1 : 0);
}

void Metrics::put_observer(Exposition& out) const {
  out.family("contentionwatch_observer_overhead_ratio", MetricType::kGauge,
             "What observing costs the observed, of its CPU time in the last interval.");
  if (overhead_pct_) out.sample({}, *overhead_pct_ / 100);

  out.family("contentionwatch_lost_events", MetricType::kCounter,
             "What could not be counted since the start.");
  const std::array<std::pair<const char*, std::uint64_t>, 5> lost = {
      {{"waits", lost_.waits},
       {"stacks", lost_.stacks},
       {"allocs", lost_.allocs},
       {"events", lost_.events},
       {"map_full", lost_.map_full}}};
  for (const auto& [what, count] : lost) out.sample({{"what", what}}, static_cast<double>(count));

  out.family("contentionwatch_build", MetricType::kInfo, "The version that is running.");
  out.sample({{"version", options_.version}}, 1);
}

}  // namespace cw
