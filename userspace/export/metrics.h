// What monitoring reads: counters since we came, and gauges of the last interval.
#pragma once

#include <cstddef>
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

class Metrics {
 public:
  explicit Metrics(MetricsOptions options);

  void add(const Report& report);
  [[nodiscard]] std::string text(ExpositionFormat format) const;

 private:
  void put_locks(Exposition& out) const;
  void put_memory(Exposition& out) const;
  void put_verdict(Exposition& out) const;
  void put_observer(Exposition& out) const;

  MetricsOptions options_;
  LockSeries locks_;
  ProcessSeries processes_;
  std::optional<Level> level_;
  std::optional<double> overhead_pct_;
  LossReport lost_;
};

}  // namespace cw
