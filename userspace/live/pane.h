// Panes: what is shown in the place of the table, as lines that can be scrolled.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "live/cells.h"
#include "live/model.h"

namespace cw::live {

// All lines of the model's pane, for a screen so wide; none while the table is shown.
std::vector<Line> pane_lines(const Model& model, std::size_t width);

// What of the selected row has room below a short table: the heaviest stacks.
std::vector<Line> preview_lines(const Model& model, std::size_t width);

// --- of which they are made ---

struct Width {
  std::size_t columns = 80;
  Charset charset = Charset::kUtf8;
};

// The lines of one row: a lock or an idle wait, an allocator or a place that allocates, a process's
// memory. `row` is its number in the tab's table.
std::vector<Line> lock_lines(const LockReport& lock, Width width);
std::vector<Line> lock_preview(const LockReport& lock, std::size_t width);
std::vector<Line> allocation_lines(const Report& report, std::size_t row, Width width);
std::vector<Line> memory_lines(const MemoryReport& row, Width width);

// A word in the margin and wrapped text beside it.
void add_labelled(std::vector<Line>& lines, std::string_view label, std::string_view text,
                  std::size_t width, Style style = Style::kLabel);
inline constexpr std::size_t kMargin = 10;

// "  74 %  orders::lookup      cache.cpp:41", a line a frame; all from the first one past the
// lock's or the allocator's machinery on, but no more than `frames`.
inline constexpr std::size_t kFrames = 24;
void add_stack(std::vector<Line>& lines, std::string_view share, std::string_view remark,
               const Stack& stack, std::size_t width, std::size_t frames = kFrames);

// A bar for each doubling of a duration or size, with its count.
enum class Unit : std::uint8_t { kNanoseconds, kBytes };
void add_histogram(std::vector<Line>& lines, const Histogram& histogram, Unit unit, Width width);

}  // namespace cw::live
