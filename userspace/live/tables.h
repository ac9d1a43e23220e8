// The tables, one for each tab (table.h).
#pragma once

#include <memory>

#include "live/table.h"

namespace cw::live {

std::unique_ptr<Table> lock_table(const Report& report);
std::unique_ptr<Table> idle_table(const Report& report);
std::unique_ptr<Table> allocation_table(const Report& report);
std::unique_ptr<Table> memory_table(const Report& report);
std::unique_ptr<Table> process_table(const Report& report);

}  // namespace cw::live
