#include "model/unwind.h"

#include <algorithm>

namespace cw {

UnwindRule rule_at(const UnwindTable& table, std::uint64_t vaddr) {
  if (vaddr < table.base) return {};
  const auto next = std::ranges::upper_bound(table.pc, vaddr - table.base);
  if (next == table.pc.begin()) return {};
  return table.rules[table.rule[static_cast<std::size_t>(next - table.pc.begin()) - 1]];
}

}  // namespace cw
