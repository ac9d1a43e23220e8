// The state of the live view: what it was told, and what the person before it chose. Plain values:
// update.h changes them, render.h draws them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "live/cells.h"
#include "live/history.h"
#include "live/row_order.h"
#include "live/table.h"
#include "live/trends.h"

namespace cw::live {

enum class Pane : std::uint8_t { kTable, kRow, kReport, kHelp };

// Where one is in a table.
struct TableState {
  std::optional<RowId> selected;  // empty: the first, whichever it is
  std::size_t place = 0;          // of the selected row
  std::size_t top = 0;            // place of the first row on the screen
  std::optional<std::size_t> column;
  bool reversed = false;
};

// The worst report of a recording.
struct RecordedWorst {
  std::uint64_t number = 0;    // 0: not known yet
  std::uint64_t interval = 0;  // as the report counts
  bool is_certain = false;     // all were looked at
};

// What is shown is a recording: the history has one of its reports at a time.
struct Recorded {
  std::uint64_t reports = 0;        // numbered from 1
  std::uint64_t last_interval = 0;  // as its report counts: more, where some are missing
  double seconds = 0;               // from the beginning of the first to the end of the last
  std::uint64_t wanted = 0;         // number of the one to be shown
  RecordedWorst worst = {};
};

struct Model {
  Charset charset = Charset::kUtf8;
  Size size{.width = 80, .height = 24};
  std::string awaited;  // said until the first report comes

  History history;
  Trends trends;
  std::optional<std::uint64_t> held;  // the report that is shown; empty: the newest
  std::optional<Recorded> recorded;   // empty: what is shown happens now

  Tab tab = Tab::kLocks;
  std::array<TableState, kTabs> tables;
  RowOrder order;                       // of the tab's table in the report that is shown
  std::optional<std::int32_t> process;  // only its rows
  std::string filter;
  bool typing = false;  // the filter

  Pane pane = Pane::kTable;
  std::size_t scroll = 0;  // lines of the pane above the screen
  std::string message;     // until the next key
  bool quit = false;

  [[nodiscard]] std::uint64_t shown_number() const { return held.value_or(history.newest()); }
  // Those that one can go to.
  [[nodiscard]] std::uint64_t first_number() const { return recorded ? 1 : history.oldest(); }
  [[nodiscard]] std::uint64_t last_number() const {
    return recorded ? recorded->reports : history.newest();
  }
  // There must be one.
  [[nodiscard]] const Report& shown() const { return history.at(shown_number()); }
  [[nodiscard]] TableState& table() { return tables.at(static_cast<std::size_t>(tab)); }
  [[nodiscard]] const TableState& table() const { return tables.at(static_cast<std::size_t>(tab)); }
};

inline constexpr Size kSmallest{.width = 60, .height = 15};
inline constexpr Size kLargest{.width = 500, .height = 200};  // more is left blank

}  // namespace cw::live
