#include "live/selection.h"

#include <algorithm>

#include "live/pane.h"
#include "live/plan.h"
#include "live/worst.h"

namespace cw::live {
namespace {

std::optional<std::size_t> row_of(const Table& table, RowId id) {
  for (std::size_t row = 0; row < table.size(); ++row)
    if (table.id(row) == id) return row;
  return std::nullopt;
}

std::size_t moved(std::size_t from, std::int64_t by, std::size_t last) {
  const std::int64_t to = static_cast<std::int64_t>(from) + by;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(to, 0, static_cast<std::int64_t>(last)));
}

void open(Model& model, Pane pane) {
  model.pane = pane;
  model.scroll = 0;
}

// A report of a recording is shown once it is read.
void go_to(Model& model, std::uint64_t number) {
  if (model.recorded) {
    model.recorded->wanted = number;
    return;
  }
  model.held = number;
  if (number == model.history.newest()) model.held.reset();
  arrange(model);
}

std::uint64_t worst_of(const History& history) {
  std::uint64_t worst = history.oldest();
  for (std::uint64_t number = worst + 1; number <= history.newest(); ++number)
    if (is_worse(history.at(number), history.at(worst))) worst = number;
  return worst;
}

}  // namespace

void arrange(Model& model) {
  if (model.history.empty()) return;
  const auto table = table_of(model.shown(), model.tab);
  TableState& state = model.table();
  model.order = RowOrder(*table, {.column = state.column,
                                  .reversed = state.reversed,
                                  .filter = model.filter,
                                  .pid = model.process});
  std::optional<std::size_t> place;
  if (state.selected)
    if (const auto row = row_of(*table, *state.selected)) place = model.order.place_of(*row);
  if (place) {
    state.place = *place;
  } else {
    const std::size_t last = std::max<std::size_t>(model.order.size(), 1) - 1;
    state.place = state.selected ? std::min(state.place, last) : 0;
    // A pane goes on with the row it was opened on: that may come back.
    if (state.selected && model.pane != Pane::kRow)
      state.selected = model.order.size() == 0
                           ? std::nullopt
                           : std::optional(table->id(model.order.row_at(state.place)));
  }
  keep_in_view(model);
}

void keep_in_view(Model& model) {
  TableState& state = model.table();
  if (model.size.width < kSmallest.width || model.size.height < kSmallest.height) return;
  const std::size_t rows = std::max<std::size_t>(plan_of(model, model.size).rows, 1);
  const std::size_t most = model.order.size() > rows ? model.order.size() - rows : 0;
  state.top = std::min({state.top, state.place, most});
  if (state.place >= state.top + rows) state.top = state.place + 1 - rows;
}

void select_place(Model& model, std::size_t place) {
  if (place >= model.order.size()) return;
  TableState& state = model.table();
  state.place = place;
  state.selected = table_of(model.shown(), model.tab)->id(model.order.row_at(place));
  keep_in_view(model);
}

void move_by(Model& model, std::int64_t lines) {
  if (model.pane != Pane::kTable) {
    const std::size_t all = pane_lines(model, model.size.width).size();
    const std::size_t room = plan_of(model, model.size).pane_lines;
    model.scroll = moved(model.scroll, lines, all > room ? all - room : 0);
  } else if (model.order.size() != 0) {
    select_place(model, moved(model.table().place, lines, model.order.size() - 1));
  }
}

void open_tab(Model& model, Tab tab) {
  model.tab = tab;
  open(model, Pane::kTable);
  arrange(model);
}

std::optional<std::size_t> selected_row(const Model& model) {
  if (model.history.empty()) return std::nullopt;
  const TableState& state = model.table();
  if (model.pane == Pane::kRow && state.selected)
    return row_of(*table_of(model.shown(), model.tab), *state.selected);
  if (state.place >= model.order.size()) return std::nullopt;
  return model.order.row_at(state.place);
}

void open_selected(Model& model) {
  const auto row = selected_row(model);
  if (!row) return;
  select_place(model, model.table().place);  // from now on that one, not the first
  if (model.tab != Tab::kProcesses) {
    open(model, Pane::kRow);
    return;
  }
  model.process = model.shown().processes[*row].pid;
  model.filter.clear();
  model.tables[static_cast<std::size_t>(Tab::kLocks)] = {};
  open_tab(model, Tab::kLocks);
}

void go_back(Model& model) {
  if (model.pane != Pane::kTable) {
    open(model, Pane::kTable);
    arrange(model);
  } else if (model.process) {
    model.process.reset();
    model.filter.clear();
    open_tab(model, Tab::kProcesses);
  } else if (!model.filter.empty()) {
    model.filter.clear();
    arrange(model);
  } else if (model.held) {
    hold_or_go_on(model);
  }
}

void go_to_past(Model& model, std::int64_t intervals) {
  if (model.history.empty()) return;
  const std::uint64_t last = model.last_number();
  const std::uint64_t here = model.recorded ? model.recorded->wanted : model.shown_number();
  go_to(model, last - moved(last - here, intervals, last - model.first_number()));
}

void go_to_worst(Model& model) {
  if (model.history.empty()) return;
  if (!model.recorded)
    go_to(model, worst_of(model.history));
  else if (model.recorded->worst.number != 0)
    go_to(model, model.recorded->worst.number);
}

void hold_or_go_on(Model& model) {
  if (model.history.empty()) return;
  if (model.recorded || model.held) {
    go_to(model, model.last_number());
    return;
  }
  model.held = model.history.newest();
  arrange(model);
}

}  // namespace cw::live
