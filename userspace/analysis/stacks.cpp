#include "analysis/stacks.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/runtime_frames.h"
#include "output/symbol.h"

namespace cw {
namespace {

bool same_place(const Frame& a, const Frame& b) {
  return a.module == b.module && a.function == b.function &&
         (!a.function.empty() || a.offset == b.offset);
}

}  // namespace

const Stack& StackNames::of(ImageId image, StackId stack) {
  const auto [entry, is_new] = stacks_.try_emplace({image, stack});
  if (is_new) {
    if (stack != 0) entry->second = symbolizer_.stack(image, stack);
    entry->second.own = first_own_frame(entry->second);
  }
  return entry->second;
}

std::size_t StackNames::asked() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(stacks_, [](const auto& entry) { return entry.first.second != 0; }));
}

std::size_t StackNames::complete() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(stacks_, [](const auto& entry) { return entry.second.complete; }));
}

bool same_functions(const Stack& a, const Stack& b) {
  return std::ranges::equal(a.frames, b.frames, same_place);
}

std::string own_function(const Stack& stack) {
  if (stack.own >= stack.frames.size()) return {};
  return short_symbol(stack.frames[stack.own].function);
}

std::string own_place(const Stack& stack) {
  if (std::string function = own_function(stack); !function.empty()) return function;
  if (stack.own >= stack.frames.size() || stack.frames[stack.own].module.empty()) return {};
  const Frame& frame = stack.frames[stack.own];
  return fmt::format("{}+{:#x}", frame.module, frame.offset);
}

}  // namespace cw
