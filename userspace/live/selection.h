// Moving about in tables, panes and past intervals.
#pragma once

#include <cstddef>
#include <cstdint>

#include "live/model.h"

namespace cw::live {

// Puts the rows in order again, and the selection where its row is now: needed when the report, the
// tab, or the choice of rows is another. A row that is gone leaves its place to the next one.
void arrange(Model& model);
// Moves the table's window so that the selected row is in it.
void keep_in_view(Model& model);

void select_place(Model& model, std::size_t place);
// Of rows, or of a pane's lines; stops at the ends.
void move_by(Model& model, std::int64_t lines);
void open_tab(Model& model, Tab tab);
// The row's own pane; a process: its locks.
void open_selected(Model& model);
// One step back: from a pane, from a process, from a filter, from the past.
void go_back(Model& model);
// Into the past, or with a negative number out of it.
void go_to_past(Model& model, std::int64_t intervals);
void go_to_worst(Model& model);
// Holds the report that is shown, or goes on with the newest.
void hold_or_go_on(Model& model);

// The row that is selected in the report that is shown; empty: none.
std::optional<std::size_t> selected_row(const Model& model);

}  // namespace cw::live
