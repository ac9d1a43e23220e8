#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "input.h"
#include "process/eh_frame.h"
#include "process/unwind_file.h"

// The first byte chooses: a bare .eh_frame, or a whole file. Whatever comes out can be searched.
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const auto content = std::as_bytes(std::span(bytes, size)).subspan(1);
  cw::UnwindTable table;
  if (bytes[0] % 2 == 0) {
    table = cw::unwind_table(content, 0x1000);
  } else if (auto file = cw::read_unwind_image({content.begin(), content.end()})) {
    table = std::move(file->table);
    static_cast<void>(cw::code_bias(file->segments, 0x7f0000000000, 0x1000));
  }
  if (table.pc.size() != table.rule.size()) std::abort();
  for (std::size_t i = 0; i < table.pc.size(); ++i) {
    if (i != 0 && table.pc[i] <= table.pc[i - 1]) std::abort();
    if (table.rule[i] >= table.rules.size()) std::abort();
  }
  static_cast<void>(cw::rule_at(table, table.base + size));
  return 0;
}
