// Blocks' contents to reports: the encoder's mirror. What it reads may be anything: it takes no
// more memory than a report can need, and throws Damaged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "recording/columns.h"
#include "recording/fields.h"

namespace cw::recording {

struct Decoded {
  RecordedRun run;
  Report report;
};

class Decoder : public ArchiveBase {
 public:
  template <typename T>
  using Of = T;

  // Of the next block. Throws Damaged; then only a block that begins can be read.
  Decoded decode(std::string_view content);
  // What comes next needs nothing of what came before.
  void restart();

  template <typename T>
  void operator()(unsigned number, T& value) {
    inside(number, [&] { get(value); });
  }
  template <typename T>
  void choice(unsigned number, T& value, T last) {
    inside(number, [&] {
      const std::uint64_t chosen = column_->take();
      if (chosen <= static_cast<std::uint64_t>(last)) value = static_cast<T>(chosen);
    });
  }
  void sentence(unsigned number, std::string& text) {
    inside(number, [&] { get_sentence(text); });
  }
  void sentence(unsigned number, std::vector<std::string>& texts);
  void near(unsigned number, std::uint64_t& value, std::uint64_t guess) {
    inside(number, [&] { value = guess + static_cast<std::uint64_t>(unzigzag(column_->take())); });
  }
  void like(unsigned number, Histogram& histogram, const Histogram& other) {
    inside(number, [&] { get_histogram(histogram, other); });
  }
  void ratio(unsigned number, double& value, double of, std::uint64_t guess) {
    inside(number, [&] { value = take_ratio(of, guess); });
  }
  void rest(unsigned number, double& value, double of, std::uint64_t guess) {
    inside(number, [&] { value = take_rest(of, guess); });
  }
  template <typename T, typename Fields>
  void shared(unsigned number, T& value, const Fields& /*its_fields*/) {
    inside(number, [&] {
      value = known(locks_);
      spend(size_of(value));
    });
  }

 private:
  template <typename Body>
  void inside(unsigned number, const Body& body) {
    ColumnIn* const child = column_->child(number);
    if (child == nullptr) return;
    ColumnIn* const outside = std::exchange(column_, child);
    body();
    column_ = outside;
  }

  template <typename T>
    requires std::is_unsigned_v<T>
  void get(T& value) {
    value = static_cast<T>(column_->take());
  }
  template <typename T>
    requires(std::is_integral_v<T> && std::is_signed_v<T>)
  void get(T& value) {
    value = static_cast<T>(unzigzag(column_->take()));
  }
  void get(double& value) { value = take_ratio(1, 0); }
  void get(std::string& text);
  void get(LockKind& kind);
  void get(Histogram& histogram) { get_histogram(histogram, {}); }
  void get(Frame& frame);
  void get(Stack& stack);
  template <typename T>
  void get(std::optional<T>& value) {
    if (column_->take() != 0) (*this)(1, value.emplace());
  }
  template <typename A, typename B>
  void get(std::pair<A, B>& pair) {
    (*this)(1, pair.first);
    (*this)(2, pair.second);
  }
  template <typename T>
  void get(std::vector<T>& values) {
    get_each(values, [&](T& value) { get(value); });
  }
  template <typename T>
    requires std::is_class_v<T>
  void get(T& value) {
    fields(*this, value);
  }

  template <typename T, typename Get>
  void get_each(std::vector<T>& values, const Get& get_one) {
    const std::uint64_t count = column_->take();
    inside(1, [&] {
      for (std::uint64_t i = 0; i < count; ++i) {
        spend(sizeof(T));
        get_one(values.emplace_back());
      }
    });
  }
  template <typename T, typename Fields>
  void get_fresh(Part part, std::vector<T>& values, const Fields& its_fields);
  // The one whose number comes next.
  template <typename T>
  const T& known(const std::vector<T>& values) {
    return known(values, column_->take());
  }
  template <typename T>
  const T& known(const std::vector<T>& values, std::uint64_t number) {
    if (number >= values.size()) throw Damaged();
    spend(sizeof(T));
    return values[number];
  }

  // What a copy takes beside the value itself.
  static std::size_t size_of(const Frame& frame);
  static std::size_t size_of(const Stack& stack);
  static std::size_t size_of(const LockReport& identity);

  void get_histogram(Histogram& histogram, const Histogram& other);
  void get_sentence(std::string& text);
  double take_ratio(double of, std::uint64_t guess);
  double take_rest(double of, std::uint64_t guess);
  void spend(std::size_t bytes);

  ColumnIn* column_ = nullptr;
  std::size_t left_ = 0;        // bytes that this block may still take
  std::size_t known_left_ = 0;  // likewise, that what is known may grow by
  std::vector<std::string> texts_;
  std::vector<Frame> frames_;
  std::vector<Stack> stacks_;
  std::vector<LockReport> locks_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> numbers_before_;  // by pattern
};

}  // namespace cw::recording
