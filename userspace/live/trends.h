// What each row's figure was in past intervals, for the sparklines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "live/row_id.h"

namespace cw::live {

class Trends {
 public:
  // Intervals come in order, of any number the first. All rows of one are added before the next.
  void begin(std::uint64_t interval);
  void add(RowId id, double value);
  // Forgets rows that were not seen for long; at once where there are too many.
  void end();

  // The intervals that are remembered; 0: none.
  [[nodiscard]] std::uint64_t first() const;
  [[nodiscard]] std::uint64_t last() const { return interval_; }
  // The last `count` values up to and including `interval`, oldest first; NaN where there was none.
  [[nodiscard]] std::vector<float> of(RowId id, std::uint64_t interval, std::size_t count) const;
  [[nodiscard]] std::size_t rows() const { return rows_.size(); }

  static constexpr std::size_t kIntervals = 600;  // that are remembered of a row
  static constexpr std::size_t kRows = 20'000;    // about 50 MB, if all were there all the time

 private:
  struct Row {
    std::uint64_t last = 0;     // interval of the newest value
    std::vector<float> values;  // the last one is that of `last`
  };

  std::uint64_t begun_ = 0;  // the interval it began with
  std::uint64_t interval_ = 0;
  std::unordered_map<RowId, Row> rows_;
};

}  // namespace cw::live
