#include "live/row_order.h"

#include <algorithm>
#include <cmath>

namespace cw::live {
namespace {

constexpr std::size_t kAhead = 64;  // sorted with what is asked for: the next ones come soon

}  // namespace

RowOrder::RowOrder(const Table& table, const RowChoice& choice) {
  entries_.reserve(table.size());
  for (std::size_t row = 0; row < table.size(); ++row) {
    if (choice.pid && !table.is_of(row, *choice.pid)) continue;
    if (!choice.filter.empty() && !table.contains(row, choice.filter)) continue;
    const double value =
        choice.column ? table.value(row, *choice.column) : -static_cast<double>(row);
    const double key = std::isnan(value) ? HUGE_VAL : -value;
    entries_.push_back(
        {.key = choice.reversed ? -key : key, .row = static_cast<std::uint32_t>(row)});
  }
  if (!choice.column && !choice.reversed) sorted_ = entries_.size();
}

void RowOrder::sort_to(std::size_t end) const {
  if (end <= sorted_) return;
  end = std::min(entries_.size(), end + kAhead);
  const auto begin = entries_.begin();
  std::partial_sort(begin + static_cast<std::ptrdiff_t>(sorted_),
                    begin + static_cast<std::ptrdiff_t>(end), entries_.end());
  sorted_ = end;
}

std::size_t RowOrder::row_at(std::size_t place) const {
  sort_to(place + 1);
  return entries_[place].row;
}

std::optional<std::size_t> RowOrder::place_of(std::size_t row) const {
  const auto found = std::ranges::find(entries_, row, &Entry::row);
  if (found == entries_.end()) return std::nullopt;
  const Entry entry = *found;
  return static_cast<std::size_t>(
      std::ranges::count_if(entries_, [&](const Entry& other) { return other < entry; }));
}

}  // namespace cw::live
