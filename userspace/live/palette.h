// How styles look where there are many colours, few, and none.
#pragma once

#include "live/cells.h"

namespace cw::live {

struct Look {
  int foreground = -1;  // an index of the terminal's colours; -1: its own
  int background = -1;
  bool bold = false;
  bool faint = false;
  bool underlined = false;
  bool reversed = false;

  bool operator==(const Look&) const = default;
};

// `colours`: how many the terminal has, or is to use; below 8: none.
Look look_of(Style style, bool selected, int colours);

}  // namespace cw::live
