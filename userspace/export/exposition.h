// Metrics as text, in the two formats that Prometheus reads:
//   https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4; textfiles, too)
//   https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cw {

enum class ExpositionFormat : std::uint8_t { kPrometheus, kOpenMetrics };
enum class MetricType : std::uint8_t { kGauge, kCounter, kHistogram, kInfo };

// Names and values; a value may be any bytes.
using Labels = std::vector<std::pair<std::string_view, std::string>>;

class Exposition {
 public:
  explicit Exposition(ExpositionFormat format) : format_(format) {}

  // Begins a family: `name` has no suffix ("contentionwatch_lost_events", not "..._total").
  void family(std::string_view name, MetricType type, std::string_view help);
  // A sample of the family; `part` is "_bucket", "_sum" or "_count" of a histogram.
  void sample(const Labels& labels, double value, std::string_view part = {});
  std::string finish();

 private:
  ExpositionFormat format_;
  std::string name_;  // of the family's samples
  std::string text_;
};

// What a label's value may hold: printable, valid UTF-8, not endless.
std::string label_value(std::string_view text);

}  // namespace cw
