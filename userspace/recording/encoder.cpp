#include "recording/encoder.h"

namespace cw::recording {
namespace {

bool is_same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "9,800 waits/s" is "\1,\1 waits/s" and the numbers 19 and 1800.
struct Sentence {
  std::string pattern;
  std::vector<std::uint64_t> numbers;
};

Sentence taken_apart(const std::string& text) {
  Sentence sentence;
  std::size_t digits = 0;
  for (const char c : text) {
    if (!is_digit(c)) {
      digits = 0;
      sentence.pattern += c;
      continue;
    }
    if (digits == 0 || digits == kMostDigits) {
      if (sentence.numbers.size() == kMostNumbers) return {.pattern = text, .numbers = {}};
      sentence.pattern += kDigits;
      sentence.numbers.push_back(1);
      digits = 0;
    }
    sentence.numbers.back() = sentence.numbers.back() * 10 + static_cast<std::uint64_t>(c - '0');
    ++digits;
  }
  return sentence;
}

}  // namespace

std::string Encoder::encode(const RecordedRun& run, const Report& report) {
  root_.clear();
  column_ = &root_;
  (*this)(static_cast<unsigned>(Part::kRun), run);
  (*this)(static_cast<unsigned>(Part::kReport), report);
  // Each is made of those after it.
  put_fresh(Part::kLocks, known_locks_, kLockIdentity);
  put_fresh(Part::kStacks, known_stacks_, kAllFields);
  put_fresh(Part::kFrames, known_frames_, kAllFields);
  inside(static_cast<unsigned>(Part::kTexts), [&] {
    const auto fresh = known_texts_.take_fresh();
    put(fresh.size());
    for (const std::string* text : fresh) column_->put_text(*text);
  });
  return root_.written();
}

template <typename T, typename Fields>
void Encoder::put_fresh(Part part, Known<T>& known, const Fields& its_fields) {
  inside(static_cast<unsigned>(part), [&] {
    const std::vector<const T*> fresh = known.take_fresh();
    put(fresh.size());
    inside(1, [&] {
      for (const T* value : fresh) its_fields(*this, *value);
    });
  });
}

void Encoder::restart() {
  known_texts_ = {};
  known_frames_ = {};
  known_stacks_ = {};
  known_locks_ = {};
  numbers_before_.clear();
}

std::size_t Encoder::known_bytes() const {
  return known_texts_.bytes() + known_frames_.bytes() + known_stacks_.bytes() +
         known_locks_.bytes();
}

void Encoder::put(const std::string& text) {
  column_->put(known_texts_.number_of(text, text));
}

void Encoder::put_histogram(const Histogram& histogram, const Histogram& other) {
  const auto& buckets = histogram.buckets();
  put(buckets.size());
  if (buckets.empty()) return;
  near(1, buckets.front().first, first_bucket(other));
  std::uint32_t before = buckets.front().first;
  for (const auto& [bucket, count] : buckets) {
    const std::uint64_t skipped = bucket == before ? 0 : bucket - before - 1;
    const bool is_small = count < kSmallCounts && count != 0;
    (*this)(2, skipped* kSmallCounts + (is_small ? count : 0));
    if (!is_small) (*this)(3, count);
    before = bucket;
  }
}

void Encoder::put(const Frame& frame) {
  Key key;
  fields(key, frame);
  column_->put(known_frames_.number_of(std::move(key.bytes()), frame));
}

void Encoder::put(const Stack& stack) {
  Key key;
  fields(key, stack);
  column_->put(known_stacks_.number_of(std::move(key.bytes()), stack));
}

void Encoder::sentence(unsigned number, const std::vector<std::string>& texts) {
  inside(number, [&] {
    put(texts.size());
    inside(1, [&] {
      for (const std::string& text : texts) put_sentence(text);
    });
  });
}

// Its pattern, and below it the numbers: all first ones in a column, all second ones in the next,
// each as what it differs by from the last sentence of that pattern.
// A text that has the mark in it stays whole.
void Encoder::put_sentence(const std::string& text) {
  const bool is_whole = text.find(kDigits) != std::string::npos;
  const Sentence sentence = is_whole ? Sentence{.pattern = text, .numbers = {}} : taken_apart(text);
  const std::uint64_t pattern = known_texts_.number_of(sentence.pattern, sentence.pattern);
  column_->put(pattern);
  (*this)(1, is_whole);
  std::vector<std::uint64_t>& before = numbers_before_[pattern];
  before.resize(sentence.numbers.size());
  for (std::size_t i = 0; i < sentence.numbers.size(); ++i)
    near(static_cast<unsigned>(i) + 2, sentence.numbers[i], before[i]);
  before = sentence.numbers;
}

void Encoder::put_ratio(double value, double of, std::uint64_t guess) {
  const std::uint64_t count = count_of(value, of);
  put_count(value, is_same(ratio_of(count, of), value), count, guess);
}

void Encoder::put_rest(double value, double of, std::uint64_t guess) {
  const std::uint64_t count = count_of(1 - value, of);
  put_count(value, is_same(1 - ratio_of(count, of), value), count, guess);
}

void Encoder::put_count(double value, bool is_exact, std::uint64_t count, std::uint64_t guess) {
  if (is_exact) {
    column_->put(zigzag(static_cast<std::int64_t>(count - guess)) + 1);
    return;
  }
  column_->put(kAsItIs);
  column_->put_bits(value);
}

}  // namespace cw::recording
