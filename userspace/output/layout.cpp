#include "output/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

namespace cw {
namespace {

// Smallest code that takes so many bytes.
constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

// One character of UTF-8, as strictly as RFC 3629: no overlong forms, no surrogates.
Character decode(std::string_view text, std::size_t at) {
  const std::uint8_t first = byte_at(text, at);
  if (first < 0x80) return {first, 1, true};
  std::size_t bytes = 0;
  if (first >= 0xc2 && first <= 0xdf) bytes = 2;
  if (first >= 0xe0 && first <= 0xef) bytes = 3;
  if (first >= 0xf0 && first <= 0xf4) bytes = 4;
  if (bytes == 0 || text.size() - at < bytes) return {};
  std::uint32_t code = first & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const std::uint8_t next = byte_at(text, at + i);
    if ((next & 0xc0U) != 0x80) return {};
    code = code << 6U | (next & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[bytes] || code > 0x10ffff || surrogate) return {};
  return {code, bytes, true};
}

bool is_deceptive(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||  // controls
         code == 0xad || code == 0x61c ||
         (code >= 0x200b && code <= 0x200f) ||  // zero width, direction marks
         (code >= 0x2028 && code <= 0x202e) ||  // separators, overrides
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
         (code >= 0xe0000 && code <= 0xe0fff) ||  // tags
         (code & 0xfffeU) == 0xfffeU;             // no characters, which XML does not take
}

// East Asian wide characters begin here; narrow ones above are taken for wide.
std::size_t columns_of(const Character& character) {
  return character.code >= 0x1100 ? 2 : 1;
}

// Byte position up to which `text` takes at most `width` columns.
std::size_t bytes_within(std::string_view text, std::size_t width) {
  std::size_t at = 0;
  std::size_t used = 0;
  while (at < text.size()) {
    const Character character = decode(text, at);
    used += columns_of(character);
    if (used > width) break;
    at += character.bytes;
  }
  return at;
}

constexpr std::string_view kCut = "...";

}  // namespace

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character character = decode(text, at);
    const std::string_view raw = text.substr(at, character.bytes);
    if (character.valid && !is_deceptive(character.code))
      safe += raw;
    else
      for (std::size_t i = 0; i < raw.size(); ++i)
        fmt::format_to(std::back_inserter(safe), "\\x{:02x}", byte_at(raw, i));
    at += character.bytes;
  }
  return safe;
}

std::size_t columns(std::string_view text) {
  std::size_t total = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = decode(text, at);
    total += columns_of(character);
    at += character.bytes;
  }
  return total;
}

std::string cut(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  if (width <= kCut.size()) return std::string(text.substr(0, bytes_within(text, width)));
  std::string kept(text.substr(0, bytes_within(text, width - kCut.size())));
  return kept.append(kCut);
}

std::string cut_front(std::string_view text, std::size_t width) {
  if (columns(text) <= width || width <= kCut.size()) return cut(text, width);
  std::size_t at = 0;
  while (columns(text.substr(at)) > width - kCut.size()) at += decode(text, at).bytes;
  return std::string(kCut).append(text.substr(at));
}

std::string pad(std::string_view text, std::size_t width) {
  std::string filled = cut(text, width);
  return filled.append(width - std::min(width, columns(filled)), ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::string kept = cut(text, width);
  return std::string(width - std::min(width, columns(kept)), ' ') + kept;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string word = cut(text.substr(0, space), width);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (word.empty()) continue;
    if (!line.empty() && columns(line) + 1 + columns(word) > width)
      lines.push_back(std::exchange(line, {}));
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

}  // namespace cw
