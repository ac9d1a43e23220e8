// Taking apart the lines of proc(5): nothing here allocates, throws or reads past its view.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace cw {

// Takes the next word off the front of `text`; words are separated by runs of `separator`.
inline std::string_view take_word(std::string_view& text, char separator = ' ') {
  while (!text.empty() && text.front() == separator) text.remove_prefix(1);
  const auto end = text.find(separator);
  const auto word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

// Takes the next line off the front of `text`, without its end.
inline std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// The whole of `word` as a number; in base 16 a leading "0x" is allowed.
template <std::integral Number>
std::optional<Number> number_of(std::string_view word, int base = 10) {
  if (base == 16 && word.starts_with("0x")) word.remove_prefix(2);
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace cw
