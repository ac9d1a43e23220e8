// What monitoring reads: counters since we came, and gauges of the last interval.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "export/exposition.h"
#include "export/lock_series.h"
#include "export/process_series.h"
#include "model/report.h"

namespace cw {

struct MetricsOptions {
  // Locks with series of their own, 18 each, and processes, 5 each: with ten, all of a host's are
  // fewer than 300.
  std::size_t top_n = 10;
  bool with_pid = false;  // the label `pid`: where processes were chosen by it
  std::string version;
};

// Of what is pushed to a collector, since the start.
struct PushLosses {
  std::uint64_t reports = 0;  // that never arrived, or were refused
  std::uint64_t points = 0;   // of those that arrived, which were refused
};

class Metrics {
 public:
  explicit Metrics(MetricsOptions options);

  void add(const Report& report);
  // Where metrics are pushed.
  void set_push_losses(const PushLosses& losses) { push_losses_ = losses; }

  void write_to(MetricWriter& out) const;
  [[nodiscard]] std::string text(ExpositionFormat format) const;

 private:
  void put_locks(MetricWriter& out) const;
  void put_memory(MetricWriter& out) const;
  void put_verdict(MetricWriter& out) const;
  void put_observer(MetricWriter& out) const;
  void put_losses(MetricWriter& out) const;

  MetricsOptions options_;
  LockSeries locks_;
  ProcessSeries processes_;
  std::optional<Level> level_;
  std::optional<double> overhead_pct_;
  LossReport lost_;
  std::optional<PushLosses> push_losses_;
  std::int64_t began_ns_ = 0;  // the first report, in Unix time
};

}  // namespace cw
