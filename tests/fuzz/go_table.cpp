#include "process/go_table.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "input.h"
#include "process/go_unwind.h"
#include "process/unwind_rows.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto table = cw::GoTable::open(cw::fuzz::text_of(bytes, size), 0x401000);
  if (!table) return 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(table->functions(), 64); ++i) {
    const auto function = table->function(i);
    if (!function) continue;
    cw::fuzz::use(table->at(function->start));
    cw::fuzz::use(table->at(function->end - 1));
  }
  cw::UnwindRows rows;
  cw::add_go_rows(*table, rows);
  const cw::UnwindTable unwind = std::move(rows).build();
  if (unwind.pc.size() != unwind.rule.size() || !std::ranges::is_sorted(unwind.pc)) std::abort();
  return 0;
}
