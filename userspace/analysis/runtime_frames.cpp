#include "analysis/runtime_frames.h"

#include <algorithm>
#include <array>

#include "analysis/lock_machinery.h"
#include "analysis/runtime_rows.h"
#include "output/symbol.h"

namespace cw {
namespace {

constexpr std::size_t kDepth = 24;    // how far out a stack is looked at
constexpr std::size_t kNameless = 6;  // frames in a row that are passed over for a name beyond them

// Copies and pieces that compilers make of a function: "take_gil.constprop.0".
constexpr auto kSuffixes = std::to_array<std::string_view>(
    {".part.", ".cold", ".isra.", ".constprop.", ".lto_priv.", ".llvm.", "@@", "@"});

// A frame's function without what differs between builds of the same source.
struct Name {
  std::string whole;      // "__GI___pthread_mutex_lock"
  std::string_view bare;  // "pthread_mutex_lock"

  explicit Name(const Frame& frame) : whole(short_symbol(frame.function)) {
    for (const std::string_view suffix : kSuffixes)
      if (const auto at = whole.find(suffix); at != std::string::npos && at != 0) whole.resize(at);
    bare = whole;
    if (bare.starts_with("__GI_")) bare.remove_prefix(5);
    bare.remove_prefix(std::min(bare.find_first_not_of('_'), bare.size()));
  }
  [[nodiscard]] bool fits(std::string_view pattern) const {
    return matches(pattern, whole) || matches(pattern, bare);
  }
};

bool is_machinery_module(const Frame& frame) {
  return std::ranges::any_of(
      machinery_modules(), [&](std::string_view module) { return matches(module, frame.module); });
}

bool is_machinery_function(const Name& name) {
  return std::ranges::any_of(machinery_functions(),
                             [&](std::string_view pattern) { return name.fits(pattern); });
}

// Walks a stack outwards through what belongs to a lock.
class Walk {
 public:
  // `calls` and `values`: sets, of those that a row may ask for.
  Walk(const Stack& stack, std::uint32_t calls, std::uint32_t values)
      : stack_(stack), calls_(calls), values_(values) {
    const std::size_t end = std::min(stack.frames.size(), kDepth);
    for (std::size_t i = 0; i < end && step(i); ++i) {
    }
    if (found_ == nullptr) found_ = by_module_;
  }

  [[nodiscard]] const RuntimeRow* found() const { return found_; }
  [[nodiscard]] std::size_t own() const { return own_; }

 private:
  bool step(std::size_t i) {
    const Frame& frame = stack_.frames[i];
    // Behind code without names that is not the lock's, what began the thread is not either.
    if (!is_reachable(frame) && is_machinery_module(frame)) return false;
    if (frame.function.empty()) return pass_nameless(frame, i);
    const Name name(frame);
    if (const RuntimeRow* row = row_of(frame, name); row != nullptr)
      found_ = row;
    else if (!is_machinery_module(frame) && !is_machinery_function(name) && !is_known(frame, name))
      return false;
    // Nameless frames count as the lock's when a name of it in the same module is around them.
    nameless_ = 0;
    own_ = i + 1;
    return true;
  }

  bool pass_nameless(const Frame& frame, std::size_t i) {
    if (is_machinery_module(frame)) {
      if (by_module_ == nullptr) by_module_ = row_of_module(frame);
      own_ = i + 1;
      return true;
    }
    if (found_ == nullptr || frame.module.empty()) return false;
    if (nameless_ != 0 && frame.module != nameless_module_) return false;
    nameless_module_ = frame.module;
    return ++nameless_ <= kNameless;
  }

  [[nodiscard]] bool is_reachable(const Frame& frame) const {
    // Code that a runtime made calls the runtime's own library.
    return nameless_ == 0 || frame.module == nameless_module_ || frame.module.starts_with('[');
  }

  const RuntimeRow* row_of(const Frame& frame, const Name& name) const {
    if (!is_reachable(frame)) return nullptr;
    const std::uint32_t inside = found_ == nullptr ? kNothing : in(found_->what.kind);
    const auto rows = runtime_rows();
    const auto row = std::ranges::find_if(rows, [&](const RuntimeRow& candidate) {
      return (candidate.inside & inside) != 0 &&
             (candidate.calls == kAnyCall || (candidate.calls & calls_) != 0) &&
             (candidate.values & values_) != 0 && !candidate.function.empty() &&
             matches(candidate.module, frame.module) && name.fits(candidate.function);
    });
    return row == rows.end() ? nullptr : &*row;
  }

  // A function of the table, though it adds nothing to what was found.
  [[nodiscard]] bool is_known(const Frame& frame, const Name& name) const {
    return is_reachable(frame) && std::ranges::any_of(runtime_rows(), [&](const RuntimeRow& row) {
             return !row.function.empty() && row.function != "*" &&
                    matches(row.module, frame.module) && name.fits(row.function);
           });
  }

  static const RuntimeRow* row_of_module(const Frame& frame) {
    const auto rows = runtime_rows();
    const auto row = std::ranges::find_if(rows, [&](const RuntimeRow& candidate) {
      return candidate.function.empty() && matches(candidate.module, frame.module);
    });
    return row == rows.end() ? nullptr : &*row;
  }

  const Stack& stack_;
  std::uint32_t calls_;
  std::uint32_t values_;
  const RuntimeRow* found_ = nullptr;
  const RuntimeRow* by_module_ = nullptr;  // for lack of any name
  std::size_t nameless_ = 0;
  std::string_view nameless_module_;
  std::size_t own_ = 0;
};

// Of a thread that is a runtime's own: where the runtime began it, which libc did not.
std::size_t outermost_of_a_library(const Stack& stack) {
  for (std::size_t i = stack.frames.size(); i-- > 0;) {
    const Frame& frame = stack.frames[i];
    const bool is_libc = matches("libc.*", frame.module) || matches("libc-2.*", frame.module) ||
                         matches("ld-*", frame.module);
    if (!frame.inlined && !frame.module.empty() && !is_libc) return i;
  }
  return 0;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // where to go on from when the rest does not fit
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

std::optional<Classification> classify_frames(const Stack& stack, std::uint16_t op,
                                              ValueClass value) {
  const RuntimeRow* const row = Walk(stack, call_of(op), bit(value)).found();
  return row == nullptr ? std::nullopt : std::optional(row->what);
}

std::size_t first_own_frame(const Stack& stack) {
  const std::size_t own = Walk(stack, ~0U, ~0U).own();
  if (own >= stack.frames.size()) return outermost_of_a_library(stack);
  // What was inlined is most often a guard's constructor; the function it was inlined in has a
  // name that other tools know, too.
  const auto whole =
      std::find_if(stack.frames.begin() + static_cast<std::ptrdiff_t>(own), stack.frames.end(),
                   [](const Frame& frame) { return !frame.inlined; });
  return whole == stack.frames.end() ? own : static_cast<std::size_t>(whole - stack.frames.begin());
}

WakeMeans meaning_of_wake(const Stack& stack) {
  const std::size_t end = std::min(stack.frames.size(), kDepth);
  for (std::size_t i = 0; i < end; ++i) {
    const Name name(stack.frames[i]);
    for (const WakeFunction& wake : wake_functions())
      if (name.fits(wake.function)) return wake.unlocks ? WakeMeans::kUnlock : WakeMeans::kSignal;
    if (!name.whole.empty() && !is_machinery_module(stack.frames[i]) &&
        !is_machinery_function(name))
      break;
  }
  return WakeMeans::kNotKnown;
}

}  // namespace cw
