#include "live/cells.h"

#include <algorithm>

#include "live/glyphs.h"

namespace cw::live {
namespace {

std::string drawable(const Glyph& glyph, Charset charset) {
  const bool ascii = glyph.text.size() == 1;
  return ascii || charset == Charset::kUtf8 ? glyph.text : "?";
}

}  // namespace

std::size_t Canvas::put(std::size_t x, std::size_t y, std::string_view text, Style style,
                        std::size_t room) {
  const Size size = cells_.size();
  if (y >= size.height || x >= size.width) return x;
  const std::size_t end = x + std::min(room, size.width - x);
  for (const Glyph& glyph : glyphs_of(text)) {
    if (x + glyph.columns > end) break;
    const std::string drawn = drawable(glyph, charset_);
    const bool halves = glyph.columns == 2 && drawn.size() > 1;  // "?" takes one column
    for (std::size_t i = 0; i < glyph.columns; ++i, ++x)
      cells_.at(x, y) = {.glyph = i == 1 && halves ? std::string() : drawn, .style = style};
  }
  return x;
}

void Canvas::put_right(std::size_t x, std::size_t y, std::string_view text, Style style,
                       std::size_t room) {
  const std::size_t columns = std::min(room, columns_of(glyphs_of(text)));
  put(x + room - columns, y, text, style, columns);
}

std::size_t Canvas::put(std::size_t x, std::size_t y, const Line& line) {
  for (const Span& span : line) x = put(x, y, span.text, span.style);
  return x;
}

void Canvas::select_line(std::size_t y) {
  if (y >= cells_.size().height) return;
  for (std::size_t x = 0; x < cells_.size().width; ++x) cells_.at(x, y).selected = true;
}

}  // namespace cw::live
