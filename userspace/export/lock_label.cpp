#include "export/lock_label.h"

#include <algorithm>
#include <string_view>

#include "export/metric_writer.h"

namespace cw {
namespace {

constexpr std::string_view kStack = "stack of ";  // a thread's: "stack of 71, locked in f"

}  // namespace

std::string lock_label(const LockReport& lock) {
  const std::string_view name = lock.name;
  if (lock.has_symbol) return label_value(name);
  if (name.empty() || name.starts_with("0x") || name.starts_with("shared inode ")) return {};
  if (!name.starts_with(kStack)) return label_value(name);
  std::string_view rest = name.substr(kStack.size());
  rest.remove_prefix(std::min(rest.find_first_not_of("0123456789"), rest.size()));
  return label_value("a stack" + std::string(rest));
}

}  // namespace cw
