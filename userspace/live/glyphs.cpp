#include "live/glyphs.h"

#include <utf8proc.h>

#include "output/layout.h"

namespace cw::live {
namespace {

constexpr std::size_t kMarks = 2;  // on one character: more would pile up over other lines
constexpr std::string_view kUnknown = "?";

bool is_mark(utf8proc_int32_t code) {
  const utf8proc_category_t category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME;
}

class Splitter {
 public:
  void add(utf8proc_int32_t code, std::string_view text) {
    const int columns = utf8proc_charwidth(code);
    if (is_mark(code) && !glyphs_.empty())
      add_mark(text);
    else
      start(columns > 0 ? text : kUnknown, columns == 2 ? 2 : 1);
  }
  std::vector<Glyph> take() { return std::move(glyphs_); }

 private:
  void start(std::string_view text, std::size_t columns) {
    glyphs_.push_back({.text = std::string(text), .columns = columns});
    marks_ = 0;
  }
  void add_mark(std::string_view text) {
    if (marks_++ < kMarks) glyphs_.back().text += text;
  }

  std::vector<Glyph> glyphs_;
  std::size_t marks_ = 0;
};

}  // namespace

std::vector<Glyph> glyphs_of(std::string_view text) {
  const std::string safe = printable(text);
  Splitter splitter;
  for (std::size_t at = 0; at < safe.size();) {
    utf8proc_int32_t code = 0;
    const auto* const bytes = reinterpret_cast<const utf8proc_uint8_t*>(safe.data() + at);
    const utf8proc_ssize_t length =
        utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(safe.size() - at), &code);
    const std::size_t taken = length > 0 ? static_cast<std::size_t>(length) : 1;
    splitter.add(length > 0 ? code : 0, std::string_view(safe).substr(at, taken));
    at += taken;
  }
  return splitter.take();
}

std::size_t columns_of(const std::vector<Glyph>& glyphs) {
  std::size_t total = 0;
  for (const Glyph& glyph : glyphs) total += glyph.columns;
  return total;
}

}  // namespace cw::live
