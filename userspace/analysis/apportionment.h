// A whole number shared out by weights.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cw {

class Apportionment {
 public:
  // `weight_of`: a part's weight, a number. Where all are 0 the first part gets everything.
  template <typename Part, typename WeightOf>
  Apportionment(const std::vector<Part>& parts, const WeightOf& weight_of) {
    double sum = 0;
    ends_.reserve(parts.size());
    for (const Part& part : parts) ends_.push_back(sum += static_cast<double>(weight_of(part)));
    for (double& end : ends_) end = sum > 0 ? end / sum : 1;
    if (!ends_.empty()) ends_.back() = 1;
  }

  // Part number `part` of `whole`. Rounded so that all parts add up.
  [[nodiscard]] std::uint64_t of(std::uint64_t whole, std::size_t part) const {
    const auto up_to = [&](double end) {
      return static_cast<std::uint64_t>(std::llround(static_cast<double>(whole) * end));
    };
    return up_to(ends_[part]) - (part == 0 ? 0 : up_to(ends_[part - 1]));
  }

 private:
  std::vector<double> ends_;  // of each part on a line from 0 to 1
};

}  // namespace cw
