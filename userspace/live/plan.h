// Where things are on the screen: the same for drawing and for the mouse.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "live/model.h"

namespace cw::live {

struct TabPlace {
  Tab tab = Tab::kLocks;
  std::size_t x = 0;
  std::string text;
};

struct Plan {
  std::size_t verdict_y = 1;  // below the title
  std::size_t verdict_lines = 0;
  std::size_t threads_y = 0;
  std::size_t threads_lines = 0;  // 1: figures; 2: a bar above them
  std::size_t tabs_y = 0;
  std::size_t heading_y = 0;  // of the columns
  std::size_t rows_y = 0;
  std::size_t rows = 0;
  std::optional<std::size_t> observer_y;
  std::size_t status_y = 0;
  std::vector<TabPlace> tabs;

  // A pane stands below the verdict's first line, in the place of all else.
  std::size_t pane_y = 0;
  std::size_t pane_lines = 0;
};

// A screen that is smaller than kSmallest is planned as if it were not.
Plan plan_of(const Model& model, Size size);

}  // namespace cw::live
