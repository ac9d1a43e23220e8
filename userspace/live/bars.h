// Small pictures made of characters: sparklines, and bars that are shared out.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "live/cells.h"
#include "model/report.h"

namespace cw::live {

// One character a value, the lowest for `low` and less, the highest for `high`; NaN, where nothing
// is known, is a blank. `high` <= `low` counts as nothing but lowest.
std::string sparkline(std::span<const float> values, double low, double high, Charset charset);

// `room` characters of which `share` (0..1) are filled, to an eighth of a character in UTF-8.
std::string bar(double share, std::size_t room, Charset charset);

// What threads do, in the order in which it is shown.
struct ThreadState {
  const char* name;
  const char* short_name;
  Style style;
  const char* glyph;  // in UTF-8
  const char* ascii;
  double ThreadsMean::* mean;
};
std::span<const ThreadState> thread_states();

// `room` columns shared out among the states: what is there at all has one, and all add up.
Line thread_bar(const ThreadsMean& mean, std::size_t room, Charset charset);

}  // namespace cw::live
