// Metrics as the body of a request to an OpenTelemetry collector, in JSON:
//   https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding (64-bit integers are strings,
//   enumerations are numbers, names are in lowerCamelCase)
//   https://github.com/open-telemetry/opentelemetry-proto (ExportMetricsServiceRequest of
//   collector/metrics/v1/metrics_service.proto; metrics/v1/metrics.proto)
// Names and types are those that a collector would have after scraping /metrics:
//   https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "export/metric_writer.h"

namespace cw {

// Who speaks: "host.name", "service.name"...; values may be any bytes.
using ResourceAttributes = std::vector<std::pair<std::string, std::string>>;

class OtlpRequest : public MetricWriter {
 public:
  // `time_ns`: when the samples were taken, in Unix time.
  explicit OtlpRequest(std::int64_t time_ns) : time_ns_(time_ns) {}

  void family(const MetricFamily& family) override;
  void counter(const Labels& labels, std::uint64_t value, std::int64_t began_ns) override;
  void histogram(const Labels& labels, const HistogramSample& sample,
                 std::int64_t began_ns) override;
  // `version`: of this program.
  std::string finish(const ResourceAttributes& resource, const std::string& version);

 private:
  using Json = nlohmann::ordered_json;

  void put_gauge(const Labels& labels, double value) override;
  void finish_family();

  std::int64_t time_ns_;
  Json metrics_ = Json::array();
  MetricType type_ = MetricType::kGauge;
  Json metric_;  // that the samples belong to, without them
  Json points_ = Json::array();
};

}  // namespace cw
