// What was pushed and what was scraped, to be compared: values by names with their labels.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace cw::test {

using Samples = std::map<std::string, double>;

inline double number_in(const nlohmann::json& decimal) {
  return std::stod(decimal.get<std::string>());
}

// `le`: of a bucket.
inline std::string labels_of(const nlohmann::json& point, const std::string& le = "") {
  std::string text;
  for (const auto& attribute : point.at("attributes"))
    text += "," + attribute.at("key").get<std::string>() + "=\"" +
            attribute.at("value").at("stringValue").get<std::string>() + "\"";
  if (!le.empty()) text += ",le=\"" + le + "\"";
  return text.empty() ? "" : "{" + text.substr(1) + "}";
}

// Counts of buckets are added up, as /metrics has them.
inline void add_histogram(const std::string& name, const nlohmann::json& point, Samples& samples) {
  const auto& bounds = point.at("explicitBounds");
  const auto& counts = point.at("bucketCounts");
  double up_to = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    up_to += number_in(counts[i]);
    const std::string le = i < bounds.size() ? bounds[i].dump() : "+Inf";
    samples[name + "_bucket" + labels_of(point, le)] = up_to;
  }
  samples[name + "_sum" + labels_of(point)] = point.at("sum");
  samples[name + "_count" + labels_of(point)] = number_in(point.at("count"));
}

// Of the body of a request.
inline Samples samples_in_request(const nlohmann::json& request) {
  Samples samples;
  const auto& scope = request.at("resourceMetrics").at(0).at("scopeMetrics").at(0);
  for (const auto& metric : scope.at("metrics")) {
    const auto name = metric.at("name").get<std::string>();
    if (metric.contains("gauge"))
      for (const auto& point : metric.at("gauge").at("dataPoints"))
        samples[name + labels_of(point)] = point.at("asDouble");
    if (metric.contains("sum"))
      for (const auto& point : metric.at("sum").at("dataPoints"))
        samples[name + labels_of(point)] = number_in(point.at("asInt"));
    if (metric.contains("histogram"))
      for (const auto& point : metric.at("histogram").at("dataPoints"))
        add_histogram(name, point, samples);
  }
  return samples;
}

// Of /metrics or a textfile. Labels that hold a line's end or a quote are not for this.
inline Samples samples_in_text(const std::string& exposition) {
  Samples samples;
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto space = line.rfind(' ');
    samples[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return samples;
}

}  // namespace cw::test
