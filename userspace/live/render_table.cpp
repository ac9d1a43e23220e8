// The table: columns, a sparkline a row, and the row that is selected.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "live/bars.h"
#include "live/pane.h"
#include "live/render_parts.h"
#include "output/format.h"
#include "output/layout.h"

namespace cw::live {
namespace {

constexpr std::size_t kMarker = 2;        // columns before the first
constexpr std::size_t kMeetGap = 2;       // between one that is aligned right and one that is not
constexpr std::size_t kGap = 1;           // after one that is aligned left
constexpr std::size_t kPreviewLines = 4;  // fewer say nothing
constexpr std::size_t kTrendGap = 2;      // before the sparkline

struct ColumnPlace {
  std::size_t column = 0;
  std::size_t x = 0;
  std::size_t width = 0;
};

std::size_t trend_width(std::size_t width) {
  if (width < 80) return 6;
  if (width < 100) return 10;
  return width < 160 ? 20 : 40;
}

// Those that the screen has room for; what is left is shared by the columns without a width.
std::vector<ColumnPlace> places_of(std::span<const Column> columns, std::size_t width) {
  const std::size_t room = width - kMarker - trend_width(width) - kTrendGap;
  std::size_t fixed = 0;
  std::size_t open = 0;
  for (const Column& column : columns)
    if (column.screen <= width) {
      fixed += column.width;
      open += column.width == 0 ? 1 : 0;
    }
  const std::size_t share = open == 0 ? 0 : (room - std::min(room, fixed)) / open;
  std::vector<ColumnPlace> places;
  std::size_t x = kMarker;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].screen > width) continue;
    const std::size_t wide = columns[i].width == 0 ? share : columns[i].width;
    const bool meets = columns[i].left && !places.empty() && !columns[places.back().column].left;
    const std::size_t gap = meets ? std::min(kMeetGap, wide) : 0;
    if (wide > gap + kGap) places.push_back({.column = i, .x = x + gap, .width = wide - gap});
    x += wide;
  }
  return places;
}

void draw_heading(Canvas& canvas, const Model& model, std::span<const Column> columns,
                  const std::vector<ColumnPlace>& places, std::size_t y) {
  const TableState& state = model.table();
  const bool utf8 = canvas.charset() == Charset::kUtf8;
  for (const ColumnPlace& place : places) {
    const Column& column = columns[place.column];
    const bool sorted = state.column == place.column;
    std::string title(column.title);
    if (sorted && state.reversed) title.insert(0, utf8 ? "▲" : "<");
    if (sorted && !state.reversed) title.insert(0, utf8 ? "▼" : ">");
    const Style style = sorted ? Style::kAccent : Style::kLabel;
    if (column.left)
      canvas.put(place.x, y, title, style, place.width);
    else
      canvas.put_right(place.x, y, title, style, place.width);
  }
  const std::size_t room = trend_width(canvas.size().width);
  const std::string length =
      format_duration(static_cast<double>(room) * model.shown().interval_s * 1e9);
  const std::string title = length.size() + 5 <= room ? "LAST " + length : length;
  canvas.put_right(canvas.size().width - room, y, title, Style::kLabel, room);
}

std::string trend_of(const Model& model, const Table& table, std::size_t row, std::size_t room) {
  const std::vector<float> values = model.trends.of(table.id(row), model.shown_number(), room);
  float most = 0;
  for (const float value : values)
    if (!std::isnan(value)) most = std::max(most, value);
  return sparkline(values, 0, std::max<double>(most, table.trend_top()), model.charset);
}

std::string fitted(const std::string& text, Cut where, std::size_t room) {
  return where == Cut::kFront ? cut_front(text, room) : cut(text, room);
}

void draw_row(Canvas& canvas, const Model& model, const Table& table, std::size_t row,
              const std::vector<ColumnPlace>& places, std::size_t y) {
  for (const ColumnPlace& place : places) {
    const Column& column = table.columns()[place.column];
    const std::string text = printable(table.text(row, place.column));
    const Style style = column.is_level && table.level(row) != Level::kFine
                            ? style_of(table.level(row))
                            : Style::kPlain;
    if (column.left)
      canvas.put(place.x, y, fitted(text, column.cut, place.width - kGap), style);
    else
      canvas.put_right(place.x, y, text, style, place.width);
  }
  const std::size_t room = trend_width(canvas.size().width);
  canvas.put(canvas.size().width - room, y, trend_of(model, table, row, room), Style::kTrend);
}

// Below the last row.
std::string closing_text(const Model& model, const Table& table) {
  const bool none = model.order.size() == 0;
  if (!model.filter.empty())
    return none ? "no row has \"" + model.filter + "\" in it (Esc: all rows)" : "";
  if (!model.process) return table.remark();
  return none ? fmt::format("nothing of pid {} in this interval (Esc: all processes)",
                            *model.process)
              : "";
}

void draw_preview(Canvas& canvas, const Model& model, std::size_t y, std::size_t bottom) {
  if (y + kPreviewLines > bottom) return;
  for (const Line& line : preview_lines(model, canvas.size().width - 2)) {
    if (y == bottom) return;
    canvas.put(1, y++, line);
  }
}

}  // namespace

void draw_table(Canvas& canvas, const Model& model, const Plan& plan) {
  const auto table = table_of(model.shown(), model.tab);
  const std::vector<ColumnPlace> places = places_of(table->columns(), canvas.size().width);
  draw_heading(canvas, model, table->columns(), places, plan.heading_y);
  const TableState& state = model.table();
  const std::size_t end = std::min(state.top + plan.rows, model.order.size());
  std::size_t y = plan.rows_y;
  for (std::size_t place = state.top; place < end; ++place, ++y) {
    draw_row(canvas, model, *table, model.order.row_at(place), places, y);
    if (place != state.place) continue;
    canvas.put(0, y, canvas.charset() == Charset::kUtf8 ? "▸" : ">", Style::kAccent);
    canvas.select_line(y);
  }
  if (end < model.order.size()) return;
  const std::size_t bottom = plan.rows_y + plan.rows;
  if (const std::string text = closing_text(model, *table); !text.empty() && y < bottom)
    canvas.put(kMarker, y++, text, Style::kFaint);
  draw_preview(canvas, model, y + 1, bottom);
}

}  // namespace cw::live
