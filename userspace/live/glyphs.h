// Text as terminals lay it out: characters, and the columns each of them takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cw::live {

// What a terminal draws in one place.
struct Glyph {
  std::string text;         // a character of UTF-8, combining marks included
  std::size_t columns = 1;  // or 2: East Asian wide characters, emoji
};

// The text made harmless (output/layout.h) and taken apart. Widths are those of Unicode 15
// (utf8proc). A character keeps its first two combining marks; one that has no width of its own and
// nothing to stand on, or that Unicode does not know, becomes "?".
std::vector<Glyph> glyphs_of(std::string_view text);

std::size_t columns_of(const std::vector<Glyph>& glyphs);

}  // namespace cw::live
