#include "export/otlp_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace cw {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kCumulative = 2;  // AggregationTemporality
constexpr std::uint64_t kLargestInt = std::numeric_limits<std::int64_t>::max();  // asInt is signed

Json attribute(std::string_view key, std::string_view value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}

Json attributes_of(const auto& pairs) {
  Json list = Json::array();
  for (const auto& [key, value] : pairs) list.push_back(attribute(key, value));
  return list;
}

Json integer(auto value) {
  return fmt::format("{}", value);
}

// An info is a gauge here, as in the older of Prometheus' formats: then nobody adds a second
// "_info" to its name.
std::string_view name_of(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kGauge:
    case MetricType::kInfo:
      break;
  }
  return "gauge";
}

}  // namespace

void OtlpRequest::family(const MetricFamily& family) {
  finish_family();
  type_ = family.type;
  metric_ = {{"name", fmt::format("{}{}", family.name, suffix_of(family.type))},
             {"description", family.help}};
  if (!family.unit.empty()) metric_["unit"] = family.unit;
  metric_["metadata"] = Json::array({attribute("prometheus.type", name_of(family.type))});
}

void OtlpRequest::put_gauge(const Labels& labels, double value) {
  points_.push_back({{"attributes", attributes_of(labels)},
                     {"timeUnixNano", integer(time_ns_)},
                     {"asDouble", value}});
}

void OtlpRequest::counter(const Labels& labels, std::uint64_t value, std::int64_t began_ns) {
  points_.push_back({{"attributes", attributes_of(labels)},
                     {"startTimeUnixNano", integer(began_ns)},
                     {"timeUnixNano", integer(time_ns_)},
                     {"asInt", integer(std::min(value, kLargestInt))}});
}

// Each of their buckets has only what is in it, and there is one more, without a bound.
void OtlpRequest::histogram(const Labels& labels, const HistogramSample& sample,
                            std::int64_t began_ns) {
  Json bounds = Json::array();
  Json counts = Json::array();
  std::uint64_t below = 0;
  for (const auto& [bound, up_to] : sample.buckets) {
    bounds.push_back(bound);
    counts.push_back(integer(up_to - below));
    below = up_to;
  }
  counts.push_back(integer(sample.count - below));
  points_.push_back({{"attributes", attributes_of(labels)},
                     {"startTimeUnixNano", integer(began_ns)},
                     {"timeUnixNano", integer(time_ns_)},
                     {"count", integer(sample.count)},
                     {"sum", sample.sum},
                     {"explicitBounds", std::move(bounds)},
                     {"bucketCounts", std::move(counts)}});
}

// One without points says nothing.
void OtlpRequest::finish_family() {
  if (points_.empty()) return;
  Json content = {{"dataPoints", std::exchange(points_, Json::array())}};
  if (type_ == MetricType::kCounter) content["isMonotonic"] = true;
  if (type_ == MetricType::kCounter || type_ == MetricType::kHistogram)
    content["aggregationTemporality"] = kCumulative;
  metric_[type_ == MetricType::kCounter     ? "sum"
          : type_ == MetricType::kHistogram ? "histogram"
                                            : "gauge"] = std::move(content);
  metrics_.push_back(std::move(metric_));
}

std::string OtlpRequest::finish(const ResourceAttributes& resource, const std::string& version) {
  finish_family();
  Json scope = {{"scope", {{"name", "contentionwatch"}, {"version", version}}},
                {"metrics", std::move(metrics_)}};
  Json from = {{"resource", {{"attributes", attributes_of(resource)}}},
               {"scopeMetrics", Json::array({std::move(scope)})}};
  const Json request = {{"resourceMetrics", Json::array({std::move(from)})}};
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cw
