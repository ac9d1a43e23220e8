#include "export/exposition.h"

#include <fmt/format.h>

#include <iterator>

namespace cw {
namespace {

std::string_view name_of(MetricType type, ExpositionFormat format) {
  switch (type) {
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kCounter:
      return "counter";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kInfo:
      return format == ExpositionFormat::kOpenMetrics ? "info" : "gauge";
  }
  return "gauge";
}

std::string escaped(std::string_view text, bool quotes) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      safe += "\\n";
      continue;
    }
    if (c == '\\' || (quotes && c == '"')) safe += '\\';
    safe += c;
  }
  return safe;
}

}  // namespace

// Each format has the suffix of a counter in its samples; the older one in the family's name, too.
void Exposition::family(const MetricFamily& family) {
  name_ = fmt::format("{}{}", family.name, suffix_of(family.type));
  const std::string_view name =
      format_ == ExpositionFormat::kOpenMetrics ? family.name : std::string_view(name_);
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name,
                 escaped(family.help, format_ == ExpositionFormat::kOpenMetrics), name,
                 name_of(family.type, format_));
}

void Exposition::counter(const Labels& labels, std::uint64_t value, std::int64_t /*began_ns*/) {
  put(labels, static_cast<double>(value));
}

void Exposition::histogram(const Labels& labels, const HistogramSample& sample,
                           std::int64_t /*began_ns*/) {
  Labels of_bucket = labels;
  of_bucket.emplace_back("le", "");
  for (const auto& [bound, up_to] : sample.buckets) {
    of_bucket.back().second = fmt::format("{}", bound);
    put(of_bucket, static_cast<double>(up_to), "_bucket");
  }
  of_bucket.back().second = "+Inf";
  put(of_bucket, static_cast<double>(sample.count), "_bucket");
  put(labels, sample.sum, "_sum");
  put(labels, static_cast<double>(sample.count), "_count");
}

void Exposition::put(const Labels& labels, double value, std::string_view part) {
  text_ += name_;
  text_ += part;
  char before = '{';
  for (const auto& [name, text] : labels) {
    fmt::format_to(std::back_inserter(text_), "{}{}=\"{}\"", before, name, escaped(text, true));
    before = ',';
  }
  if (!labels.empty()) text_ += '}';
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

std::string Exposition::finish() {
  if (format_ == ExpositionFormat::kOpenMetrics) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace cw
