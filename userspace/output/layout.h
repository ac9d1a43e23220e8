// Putting hostile strings on a terminal of limited width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cw {

// What a name may do to a terminal or to its reader, undone: control characters, invalid UTF-8
// and characters that reorder or hide text become \x1b and the like.
std::string printable(std::string_view text);

// Columns that printable text takes; rather one too many than one too few.
std::size_t columns(std::string_view text);
// Cut to `width` columns, the cut marked by "...".
std::string cut(std::string_view text, std::size_t width);
// The same, but the end is what tells: "...::refresh".
std::string cut_front(std::string_view text, std::size_t width);
// Cut or filled with spaces to exactly `width` columns.
std::string pad(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);

// Lines of at most `width` columns, broken at spaces; a word that is too long is cut.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

}  // namespace cw
