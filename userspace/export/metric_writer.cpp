#include "export/metric_writer.h"

#include "output/layout.h"

namespace cw {

std::string_view suffix_of(MetricType type) {
  if (type == MetricType::kCounter) return "_total";
  if (type == MetricType::kInfo) return "_info";
  return {};
}

std::string label_value(std::string_view text) {
  constexpr std::size_t kLongest = 200;  // columns
  return cut(printable(text), kLongest);
}

}  // namespace cw
