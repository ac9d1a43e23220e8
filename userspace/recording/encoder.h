// Reports to blocks' contents. What an interval shares with those before it (names, frames, stacks,
// locks) is written once, and referred to by its number from then on.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "recording/columns.h"
#include "recording/fields.h"

namespace cw::recording {

// The fields of a value one after the other: the same bytes, the same value.
class Key : public ArchiveBase {
 public:
  template <typename T>
  using Of = const T;

  template <typename T>
  void operator()(unsigned /*number*/, const T& value) {
    put(value);
  }
  template <typename T>
  void choice(unsigned /*number*/, T value, T /*last*/) {
    put(static_cast<std::uint64_t>(value));
  }
  [[nodiscard]] std::string& bytes() { return bytes_; }

 private:
  template <typename T>
    requires std::is_integral_v<T>
  void put(T value) {
    const auto bits = static_cast<std::uint64_t>(value);
    bytes_.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  }
  void put(const std::string& text) {
    put(text.size());
    bytes_ += text;
  }
  template <typename T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <typename T>
  void put(const std::vector<T>& values) {
    put(values.size());
    for (const T& value : values) put(value);
  }
  template <typename T>
    requires std::is_class_v<T>
  void put(const T& value) {
    fields(*this, value);
  }

  std::string bytes_;
};

// The numbers that values of a type were given since the stream began.
template <typename T>
class Known {
 public:
  std::uint64_t number_of(std::string key, const T& value) {
    const auto [entry, is_new] = numbers_.try_emplace(std::move(key), numbers_.size());
    if (is_new) {
      if constexpr (std::is_same_v<T, std::string>)
        fresh_.push_back(&entry->first);  // where it stays
      else
        fresh_.push_back(&value);
      bytes_ += entry->first.size() + sizeof(T);
    }
    return entry->second;
  }
  // Those that have no place in a block yet. They must still be where they were.
  [[nodiscard]] std::vector<const T*> take_fresh() { return std::exchange(fresh_, {}); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::unordered_map<std::string, std::uint64_t> numbers_;
  std::vector<const T*> fresh_;
  std::size_t bytes_ = 0;
};

class Encoder : public ArchiveBase {
 public:
  template <typename T>
  using Of = const T;

  // A block's content.
  std::string encode(const RecordedRun& run, const Report& report);
  // The next block needs nothing of those before.
  void restart();
  // Of what is known by now, about.
  [[nodiscard]] std::size_t known_bytes() const;

  template <typename T>
  void operator()(unsigned number, const T& value) {
    inside(number, [&] { put(value); });
  }
  template <typename T>
  void choice(unsigned number, T value, T /*last*/) {
    inside(number, [&] { put(static_cast<std::uint64_t>(value)); });
  }
  void sentence(unsigned number, const std::string& text) {
    inside(number, [&] { put_sentence(text); });
  }
  void sentence(unsigned number, const std::vector<std::string>& texts);
  void near(unsigned number, std::uint64_t value, std::uint64_t guess) {
    inside(number, [&] { put(static_cast<std::int64_t>(value - guess)); });
  }
  void like(unsigned number, const Histogram& histogram, const Histogram& other) {
    inside(number, [&] { put_histogram(histogram, other); });
  }
  void ratio(unsigned number, double value, double of, std::uint64_t guess) {
    inside(number, [&] { put_ratio(value, of, guess); });
  }
  void rest(unsigned number, double value, double of, std::uint64_t guess) {
    inside(number, [&] { put_rest(value, of, guess); });
  }
  template <typename T, typename Fields>
  void shared(unsigned number, const T& value, const Fields& its_fields) {
    Key key;
    its_fields(key, value);
    inside(number, [&] { put(known_locks_.number_of(std::move(key.bytes()), value)); });
  }

 private:
  template <typename Body>
  void inside(unsigned number, const Body& body) {
    ColumnOut* const outside = std::exchange(column_, &column_->child(number));
    body();
    column_ = outside;
  }

  template <typename T>
    requires std::is_unsigned_v<T>
  void put(T value) {
    column_->put(value);
  }
  template <typename T>
    requires(std::is_integral_v<T> && std::is_signed_v<T>)
  void put(T value) {
    column_->put(zigzag(value));
  }
  void put(double value) { put_ratio(value, 1, 0); }
  void put(const std::string& text);
  void put(LockKind kind) { column_->put(static_cast<std::uint64_t>(kind)); }
  void put(const Histogram& histogram) { put_histogram(histogram, {}); }
  void put(const Frame& frame);
  void put(const Stack& stack);
  template <typename T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) (*this)(1, *value);
  }
  template <typename A, typename B>
  void put(const std::pair<A, B>& pair) {
    (*this)(1, pair.first);
    (*this)(2, pair.second);
  }
  template <typename T>
  void put(const std::vector<T>& values) {
    put(values.size());
    inside(1, [&] {
      for (const T& value : values) put(value);
    });
  }
  template <typename T>
    requires std::is_class_v<T>
  void put(const T& value) {
    fields(*this, value);
  }

  void put_histogram(const Histogram& histogram, const Histogram& other);
  void put_sentence(const std::string& text);
  void put_ratio(double value, double of, std::uint64_t guess);
  void put_rest(double value, double of, std::uint64_t guess);
  void put_count(double value, bool is_exact, std::uint64_t count, std::uint64_t guess);
  template <typename T, typename Fields>
  void put_fresh(Part part, Known<T>& known, const Fields& its_fields);

  ColumnOut root_;
  ColumnOut* column_ = nullptr;  // of the field that is being written
  Known<std::string> known_texts_;
  Known<Frame> known_frames_;
  Known<Stack> known_stacks_;
  Known<LockReport> known_locks_;
  // Of the sentence before it, by pattern.
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> numbers_before_;
};

}  // namespace cw::recording
