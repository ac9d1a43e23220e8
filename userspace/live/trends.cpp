#include "live/trends.h"

#include <algorithm>
#include <limits>

namespace cw::live {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

}  // namespace

void Trends::begin(std::uint64_t interval) {
  if (begun_ == 0) begun_ = interval;
  interval_ = interval;
}

std::uint64_t Trends::first() const {
  return interval_ < kIntervals ? begun_ : std::max(begun_, interval_ + 1 - kIntervals);
}

// Values stand in order until there are kIntervals of them; rows that come and go stay small.
void Trends::add(RowId id, double value) {
  Row& row = rows_[id];
  if (row.last == interval_ && !row.values.empty()) {  // one row in two lines
    row.values.back() += static_cast<float>(value);
    return;
  }
  const std::uint64_t missing = row.values.empty() ? 0 : interval_ - row.last - 1;
  if (missing >= kIntervals)
    row.values.clear();
  else
    row.values.insert(row.values.end(), missing, kNone);
  row.values.push_back(static_cast<float>(value));
  // Cut back now and then, not each time.
  if (row.values.size() >= 2 * kIntervals)
    row.values.erase(row.values.begin(), row.values.end() - kIntervals);
  row.last = interval_;
}

void Trends::end() {
  const bool crowded = rows_.size() > kRows;
  if (!crowded && interval_ % 64 != 0) return;
  const std::uint64_t patience = crowded ? 0 : kIntervals;
  std::erase_if(rows_, [&](const auto& entry) { return interval_ - entry.second.last > patience; });
}

std::vector<float> Trends::of(RowId id, std::uint64_t interval, std::size_t count) const {
  std::vector<float> values(count, kNone);
  const auto found = rows_.find(id);
  if (found == rows_.end()) return values;
  const Row& row = found->second;
  for (std::size_t back = 0; back < count && back < interval; ++back) {
    const std::uint64_t wanted = interval - back;
    if (wanted > row.last || row.last - wanted >= row.values.size()) continue;
    values[count - 1 - back] = row.values[row.values.size() - 1 - (row.last - wanted)];
  }
  return values;
}

}  // namespace cw::live
