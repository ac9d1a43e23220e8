#include "recording/decoder.h"

#include <array>
#include <charconv>

namespace cw::recording {
namespace {

// A report with all the rows it may have takes a few megabytes.
constexpr std::size_t kMostOfAReport = 128U << 20U;
constexpr std::size_t kMostKnown = 256U << 20U;
constexpr std::uint32_t kBuckets = 496;  // model/histogram.h

}  // namespace

Decoded Decoder::decode(std::string_view content) {
  ColumnIn root(content);
  column_ = &root;
  left_ = std::min(known_left_, kMostOfAReport);
  const std::size_t before = left_;
  inside(static_cast<unsigned>(Part::kTexts), [&] {
    const std::uint64_t count = column_->take();
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string_view text = column_->take_text();
      spend(sizeof(std::string) + text.size());
      texts_.emplace_back(text);
    }
  });
  get_fresh(Part::kFrames, frames_, kAllFields);
  get_fresh(Part::kStacks, stacks_, kAllFields);
  get_fresh(Part::kLocks, locks_, kLockIdentity);
  known_left_ -= before - left_;

  left_ = kMostOfAReport;
  Decoded decoded;
  (*this)(static_cast<unsigned>(Part::kRun), decoded.run);
  (*this)(static_cast<unsigned>(Part::kReport), decoded.report);
  return decoded;
}

void Decoder::restart() {
  texts_.clear();
  frames_.clear();
  stacks_.clear();
  locks_.clear();
  numbers_before_.clear();
  known_left_ = kMostKnown;
}

template <typename T, typename Fields>
void Decoder::get_fresh(Part part, std::vector<T>& values, const Fields& its_fields) {
  inside(static_cast<unsigned>(part),
         [&] { get_each(values, [&](T& value) { its_fields(*this, value); }); });
}

void Decoder::get(std::string& text) {
  text = known(texts_);
  spend(text.size());
}

void Decoder::get(LockKind& kind) {
  const std::uint64_t chosen = column_->take();
  if (chosen <= static_cast<std::uint64_t>(LockKind::kEventcount))
    kind = static_cast<LockKind>(chosen);
}

void Decoder::get_histogram(Histogram& histogram, const Histogram& other) {
  const std::uint64_t buckets = column_->take();
  if (buckets == 0) return;
  std::uint64_t bucket = 0;
  near(1, bucket, first_bucket(other));
  for (std::uint64_t i = 0; i < buckets; ++i) {
    std::uint64_t code = 0;
    (*this)(2, code);
    std::uint64_t count = code % kSmallCounts;
    if (count == 0) (*this)(3, count);
    const std::uint64_t skipped = code / kSmallCounts;
    if (bucket >= kBuckets || skipped >= kBuckets) throw Damaged();
    bucket += i == 0 ? 0 : skipped + 1;
    if (bucket >= kBuckets) throw Damaged();
    histogram.add(static_cast<std::uint32_t>(bucket), count);
  }
}

void Decoder::get(Frame& frame) {
  frame = known(frames_);
  spend(size_of(frame));
}

void Decoder::get(Stack& stack) {
  stack = known(stacks_);
  spend(size_of(stack));
}

void Decoder::sentence(unsigned number, std::vector<std::string>& texts) {
  inside(number, [&] { get_each(texts, [&](std::string& text) { get_sentence(text); }); });
}

void Decoder::get_sentence(std::string& text) {
  const std::uint64_t number_of_pattern = column_->take();
  const std::string& pattern = known(texts_, number_of_pattern);
  spend(pattern.size());
  bool is_whole = true;
  (*this)(1, is_whole);
  text.clear();
  std::vector<std::uint64_t>& before = numbers_before_[number_of_pattern];
  std::size_t numbers = 0;
  for (const char c : pattern) {
    if (is_whole || c != kDigits) {
      text += c;
      continue;
    }
    if (numbers == kMostNumbers) throw Damaged();
    if (numbers == before.size()) before.push_back(0);
    std::uint64_t& number = before[numbers++];
    near(static_cast<unsigned>(numbers) + 1, number, number);
    std::array<char, 20> digits{};
    auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    text.append(digits.data() + 1, end);  // but for the 1 that keeps zeros
  }
  spend(text.size());
}

double Decoder::take_ratio(double of, std::uint64_t guess) {
  const std::uint64_t code = column_->take();
  if (code == kAsItIs) return column_->take_bits();
  return ratio_of(guess + static_cast<std::uint64_t>(unzigzag(code - 1)), of);
}

double Decoder::take_rest(double of, std::uint64_t guess) {
  const std::uint64_t code = column_->take();
  if (code == kAsItIs) return column_->take_bits();
  return 1 - ratio_of(guess + static_cast<std::uint64_t>(unzigzag(code - 1)), of);
}

std::size_t Decoder::size_of(const Frame& frame) {
  return frame.function.size() + frame.module.size() + (frame.file ? frame.file->size() : 0);
}

std::size_t Decoder::size_of(const Stack& stack) {
  std::size_t size = stack.frames.size() * sizeof(Frame);
  for (const Frame& frame : stack.frames) size += size_of(frame);
  return size;
}

std::size_t Decoder::size_of(const LockReport& identity) {
  return identity.pids.size() * sizeof(std::int32_t) + identity.comm.size() + identity.name.size() +
         identity.object.size() + identity.primitive.size();
}

void Decoder::spend(std::size_t bytes) {
  if (bytes > left_) throw Damaged();
  left_ -= bytes;
}

}  // namespace cw::recording
