#include "export/exposition.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "output/layout.h"

namespace cw {
namespace {

constexpr std::size_t kLongestValue = 200;  // columns

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

std::string_view suffix_of(MetricType type) {
  if (type == MetricType::kCounter) return "_total";
  if (type == MetricType::kInfo) return "_info";
  return {};
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
void Exposition::family(std::string_view name, MetricType type, std::string_view help) {
  name_ = fmt::format("{}{}", name, suffix_of(type));
  const std::string_view family = format_ == ExpositionFormat::kOpenMetrics ? name : name_;
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", family,
                 escaped(help, format_ == ExpositionFormat::kOpenMetrics), family,
                 name_of(type, format_));
}

void Exposition::sample(const Labels& labels, double value, std::string_view part) {
  text_ += name_;
  text_ += part;
  char before = '{';
  for (const auto& [name, text] : labels) {
    fmt::format_to(std::back_inserter(text_), "{}{}=\"{}\"", before, name, escaped(text, true));
    before = ',';
  }
  if (!labels.empty()) text_ += '}';
  fmt::format_to(std::back_inserter(text_), " {}\n", std::isfinite(value) ? value : 0);
}

std::string Exposition::finish() {
  if (format_ == ExpositionFormat::kOpenMetrics) text_ += "# EOF\n";
  return std::move(text_);
}

std::string label_value(std::string_view text) {
  return cut(printable(text), kLongestValue);
}

}  // namespace cw
