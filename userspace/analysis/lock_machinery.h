// What lies on stacks between a lock and whoever takes it or lets it go: names, not kinds.
#pragma once

#include <span>
#include <string_view>

namespace cw {

// Functions that belong to a lock's machinery and say nothing of its kind: passed over.
std::span<const std::string_view> machinery_functions();
// Libraries that are nothing but machinery, by file name.
std::span<const std::string_view> machinery_modules();

struct WakeFunction {
  std::string_view function;
  bool unlocks;
};
std::span<const WakeFunction> wake_functions();

}  // namespace cw
