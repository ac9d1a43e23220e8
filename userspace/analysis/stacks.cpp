#include "analysis/stacks.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "output/symbol.h"

namespace cw {
namespace {

// File names, so that "libc.so.6", "libc-2.31.so" and "libc.musl-x86_64.so.1" all fit.
constexpr std::array<std::string_view, 12> kModules = {
    "libc.so",    "libc-2.",   "libc.musl-", "libpthread",  "ld-linux",    "ld-musl",
    "libstdc++.", "libc++.so", "libc++abi",  "libjemalloc", "libmimalloc", "libtcmalloc"};

// For what is linked statically or inlined.
constexpr std::array<std::string_view, 44> kFunctions = {"pthread_",
                                                         "__pthread_",
                                                         "___pthread_",
                                                         "__lll_",
                                                         "lll_",
                                                         "__gthread",
                                                         "__GI_",
                                                         "futex",
                                                         "__futex",
                                                         "syscall",
                                                         "__libc_",
                                                         "malloc",
                                                         "calloc",
                                                         "realloc",
                                                         "free",
                                                         "cfree",
                                                         "_int_malloc",
                                                         "_int_free",
                                                         "__malloc",
                                                         "operator new",
                                                         "operator delete",
                                                         "std::mutex::",
                                                         "std::timed_mutex",
                                                         "std::recursive_",
                                                         "std::shared_mutex",
                                                         "std::shared_timed_",
                                                         "std::shared_lock",
                                                         "std::unique_lock",
                                                         "std::lock_guard",
                                                         "std::scoped_lock",
                                                         "std::__",
                                                         "std::condition_variable",
                                                         "std::sys::",
                                                         "std::sync::",
                                                         "core::",
                                                         "alloc::",
                                                         "parking_lot",
                                                         "lock_api::",
                                                         "absl::",
                                                         "runtime.futex",
                                                         "runtime.lock",
                                                         "runtime.unlock",
                                                         "runtime.note",
                                                         "runtime.mcall"};

// As whole words: "free" is libc's, "free_order" is not.
bool is_machinery(const std::string& function) {
  return std::ranges::any_of(kFunctions, [&](std::string_view prefix) {
    if (!function.starts_with(prefix)) return false;
    const bool whole_word = prefix == "malloc" || prefix == "calloc" || prefix == "realloc" ||
                            prefix == "free" || prefix == "cfree" || prefix == "syscall";
    return !whole_word || function.size() == prefix.size();
  });
}

bool is_machinery(const Frame& frame) {
  const bool in_library = std::ranges::any_of(
      kModules, [&](std::string_view module) { return frame.module.starts_with(module); });
  return in_library || is_machinery(short_symbol(frame.function));
}

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

std::size_t first_own_frame(const Stack& stack) {
  const auto own =
      std::ranges::find_if(stack.frames, [](const Frame& frame) { return !is_machinery(frame); });
  return own == stack.frames.end() ? 0 : static_cast<std::size_t>(own - stack.frames.begin());
}

bool same_functions(const Stack& a, const Stack& b) {
  return std::ranges::equal(a.frames, b.frames, same_place);
}

std::string own_function(const Stack& stack) {
  if (stack.own >= stack.frames.size()) return {};
  return short_symbol(stack.frames[stack.own].function);
}

}  // namespace cw
