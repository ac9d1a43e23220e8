// Which rows of a table are to be seen, and in what order. Sorted only as far as somebody looks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "live/table.h"

namespace cw::live {

struct RowChoice {
  std::optional<std::size_t> column;  // sorted by it, largest first; empty: worst first
  bool reversed = false;
  std::string filter;               // in the row; empty: all
  std::optional<std::int32_t> pid;  // of this process
};

class RowOrder {
 public:
  RowOrder() = default;
  RowOrder(const Table& table, const RowChoice& choice);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  // The number, in the table, of the row at a place below size().
  [[nodiscard]] std::size_t row_at(std::size_t place) const;
  // Where the row with this number is; empty: it is not to be seen.
  [[nodiscard]] std::optional<std::size_t> place_of(std::size_t row) const;

 private:
  struct Entry {
    double key = 0;  // smallest first
    std::uint32_t row = 0;

    bool operator<(const Entry& other) const {
      return key != other.key ? key < other.key : row < other.row;
    }
  };

  void sort_to(std::size_t end) const;

  // A cache: what is looked at is in order from the first on.
  mutable std::vector<Entry> entries_;
  mutable std::size_t sorted_ = 0;
};

}  // namespace cw::live
