// Metrics as text, in the two formats that Prometheus reads:
//   https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4; textfiles, too)
//   https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "export/metric_writer.h"

namespace cw {

enum class ExpositionFormat : std::uint8_t { kPrometheus, kOpenMetrics };

class Exposition : public MetricWriter {
 public:
  explicit Exposition(ExpositionFormat format) : format_(format) {}

  void family(const MetricFamily& family) override;
  void counter(const Labels& labels, std::uint64_t value, std::int64_t began_ns) override;
  void histogram(const Labels& labels, const HistogramSample& sample,
                 std::int64_t began_ns) override;
  std::string finish();

 private:
  void put_gauge(const Labels& labels, double value) override { put(labels, value); }
  // `part`: "_bucket", "_sum" or "_count" of a histogram.
  void put(const Labels& labels, double value, std::string_view part = {});

  ExpositionFormat format_;
  std::string name_;  // of the family's samples
  std::string text_;
};

}  // namespace cw
