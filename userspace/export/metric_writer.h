// What metrics are written to: text for Prometheus, requests for OpenTelemetry. Each has the same
// families with the same samples; how they are put down is theirs.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cw {

enum class MetricType : std::uint8_t { kGauge, kCounter, kHistogram, kInfo };

// Names and values; a value may be any bytes.
using Labels = std::vector<std::pair<std::string_view, std::string>>;

struct MetricFamily {
  std::string_view name;  // without a suffix: "contentionwatch_lost_events", not "..._total"
  MetricType type = MetricType::kGauge;
  std::string_view unit;  // as UCUM writes it: "s", "By/s", "{lock}"; empty where there is none
  std::string help;
};

// "_total" of a counter, "_info" of an info: what Prometheus has behind the name of a sample.
std::string_view suffix_of(MetricType type);

struct HistogramSample {
  struct Bucket {
    double bound = 0;  // inclusive
    std::uint64_t up_to = 0;
  };
  std::vector<Bucket> buckets;  // ascending; the one without a bound is missing
  std::uint64_t count = 0;
  double sum = 0;
};

class MetricWriter {
 public:
  MetricWriter() = default;
  MetricWriter(const MetricWriter&) = delete;
  MetricWriter& operator=(const MetricWriter&) = delete;
  virtual ~MetricWriter() = default;

  // Begins a family; its samples follow.
  virtual void family(const MetricFamily& family) = 0;
  // Of a gauge or an info.
  void gauge(const Labels& labels, double value) {
    put_gauge(labels, std::isfinite(value) ? value : 0);
  }
  // `began_ns`: since when it counts, in Unix time.
  virtual void counter(const Labels& labels, std::uint64_t value, std::int64_t began_ns) = 0;
  virtual void histogram(const Labels& labels, const HistogramSample& sample,
                         std::int64_t began_ns) = 0;

 private:
  virtual void put_gauge(const Labels& labels, double value) = 0;
};

// What a label's value may hold: printable, valid UTF-8, not endless.
std::string label_value(std::string_view text);

}  // namespace cw
