// A screen as values: a grid of cells, each a glyph and what it means. No terminal in here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cw::live {

// What a cell means; palette.h says how that looks.
enum class Style : std::uint8_t {
  kPlain,
  kTitle,
  kLabel,   // headings of columns, words in the margin
  kFaint,   // what is true, but not the point
  kAccent,  // keys, the tab that is open
  kFine,
  kSuspect,
  kCulprit,
  kOnCpu,
  kRunnable,
  kOnLocks,
  kIdle,
  kOther,
  kTrend,
};
inline constexpr std::size_t kStyles = 14;

struct Size {
  std::size_t width = 0;
  std::size_t height = 0;

  bool operator==(const Size&) const = default;
};

struct Cell {
  std::string glyph = " ";  // empty: the right half of the wide glyph before it
  Style style = Style::kPlain;
  bool selected = false;

  bool operator==(const Cell&) const = default;
};

class Cells {
 public:
  explicit Cells(Size size) : size_(size), cells_(size.width * size.height) {}

  [[nodiscard]] Size size() const { return size_; }
  [[nodiscard]] Cell& at(std::size_t x, std::size_t y) { return cells_[(y * size_.width) + x]; }
  [[nodiscard]] const Cell& at(std::size_t x, std::size_t y) const {
    return cells_[(y * size_.width) + x];
  }

 private:
  Size size_;
  std::vector<Cell> cells_;
};

// A piece of a line.
struct Span {
  std::string text;
  Style style = Style::kPlain;
};
using Line = std::vector<Span>;

// What can be drawn where the text goes.
enum class Charset : std::uint8_t { kAscii, kUtf8 };

// Writes text into cells. What lies outside is left out; hostile text is made harmless; in ASCII
// what is not becomes "?", one for each column.
class Canvas {
 public:
  Canvas(Size size, Charset charset) : cells_(size), charset_(charset) {}

  // Into columns [x, x + room) of line y; the column after the last one written.
  std::size_t put(std::size_t x, std::size_t y, std::string_view text, Style style = Style::kPlain,
                  std::size_t room = ~std::size_t{0});
  // Its end at column x + room.
  void put_right(std::size_t x, std::size_t y, std::string_view text, Style style,
                 std::size_t room);
  std::size_t put(std::size_t x, std::size_t y, const Line& line);
  void select_line(std::size_t y);

  [[nodiscard]] Size size() const { return cells_.size(); }
  [[nodiscard]] Charset charset() const { return charset_; }
  [[nodiscard]] Cells take() { return std::move(cells_); }

 private:
  Cells cells_;
  Charset charset_;
};

}  // namespace cw::live
