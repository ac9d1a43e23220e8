#include "analysis/stacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

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
  if (!is_new || stack == 0) return entry->second;
  entry->second = symbolizer_.stack(image, stack);
  entry->second.own = first_own_frame(entry->second);
  complete_[entry->first] = entry->second.complete;
  return entry->second;
}

const Stack& StackNames::functions_of(ImageId image, StackId stack) {
  const auto [entry, is_new] = functions_.try_emplace({image, stack});
  if (!is_new || stack == 0) return entry->second;
  entry->second = symbolizer_.functions(image, stack);
  entry->second.own = first_own_frame(entry->second);
  complete_[entry->first] = entry->second.complete;
  return entry->second;
}

std::size_t StackNames::asked() const {
  return complete_.size();
}

std::size_t StackNames::complete() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(complete_, [](const auto& entry) { return entry.second; }));
}

bool same_functions(const Stack& a, const Stack& b) {
  return std::ranges::equal(a.frames, b.frames, same_place);
}

bool same_callers(const Stack& a, const Stack& b) {
  const auto callers = [](const Stack& stack) {
    return std::span(stack.frames).subspan(std::min(stack.own, stack.frames.size()));
  };
  if (callers(a).empty() || callers(b).empty()) return same_functions(a, b);
  return std::ranges::equal(callers(a), callers(b), same_place);
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
