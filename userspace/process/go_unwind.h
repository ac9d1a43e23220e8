// The unwind rows of a Go program's own code, which has no call frame information that is loaded.
#pragma once

#include "process/go_table.h"
#include "process/unwind_rows.h"

namespace cw {

// For x86-64, from the table's sizes of stack frames. What is damaged is left out and counted; the
// time taken is bounded, however often the table repeats itself.
void add_go_rows(const GoTable& table, UnwindRows& rows);

}  // namespace cw
