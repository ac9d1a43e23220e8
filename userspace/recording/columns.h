// The values of one interval, a column for each field of each type: what is alike lies together,
// which compression thrives on. Columns form a tree as the fields do: locks, below it waits, wait,
// below that count... A column's path is the numbers of its fields; they mean the same for ever. A
// reader passes over columns it does not know, and leaves alone what a file does not have.
//
// Written down, as a protocol buffer:
//
//   message Block { repeated Column column = 1; }
//   message Column {
//     bytes path = 1;           // a byte for each number
//     uint64 count = 2;         // of `values`
//     repeated bytes plane = 3; // `values` as varints: the first byte of all, then the second byte
//     of
//                               // those that have one...
//     bytes raw = 4;            // text, and doubles, as they are
//   }
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cw::recording {

inline constexpr unsigned kLargestFieldNumber = 255;

// Thrown by reading, and caught where a block's reading began.
struct Damaged : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "damaged"; }
};

// One field's values, to be written, and the columns below it.
class ColumnOut {
 public:
  void put(std::uint64_t value) { values_.push_back(value); }
  void put_bits(double value);  // as it is
  void put_text(std::string_view text);
  ColumnOut& child(unsigned number);

  [[nodiscard]] std::string written() const;
  // Forgets the values; the tree stays, for the next interval.
  void clear();

 private:
  void write(std::string& path, std::string& block) const;

  std::vector<std::uint64_t> values_;
  std::string raw_;
  std::vector<std::unique_ptr<ColumnOut>> children_;  // by number; null: none
};

// The same, being read. The text it was made from must stay.
class ColumnIn {
 public:
  ColumnIn() = default;
  // Of a block. Throws Damaged, as all below do where there is no such value.
  explicit ColumnIn(std::string_view block);

  [[nodiscard]] std::uint64_t take() {
    if (next_ == values_.size()) throw Damaged();
    return values_[next_++];
  }
  [[nodiscard]] double take_bits();
  [[nodiscard]] std::string_view take_text();
  // Null where the file has no such field.
  [[nodiscard]] ColumnIn* child(unsigned number) {
    return number < children_.size() ? children_[number].get() : nullptr;
  }

 private:
  ColumnIn& child_made(unsigned number);
  void read_values(std::uint64_t count, const std::vector<std::string_view>& planes);
  static void read_column(std::string_view text, ColumnIn& root);
  std::string_view take_raw(std::uint64_t size);

  std::vector<std::uint64_t> values_;
  std::size_t next_ = 0;
  std::string_view raw_;
  std::vector<std::unique_ptr<ColumnIn>> children_;  // by number
};

}  // namespace cw::recording
