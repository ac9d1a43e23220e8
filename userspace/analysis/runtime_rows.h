// The table behind runtime_frames.h: which functions are which primitive. Adding a runtime is
// adding rows to runtime_rows.cpp and a case to its test.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "analysis/classify.h"

namespace cw {

// A set of kinds, for what a row wants to have been found further in.
constexpr std::uint32_t in(LockKind kind) {
  return 1U << static_cast<unsigned>(kind);
}
inline constexpr std::uint32_t kNothing = 1U << 31U;  // no row has fitted yet
inline constexpr std::uint32_t kAnyCall = 0;

// One function of a runtime. An asterisk in a pattern stands for any text.
struct RuntimeRow {
  std::string_view module;    // file name of the ELF object
  std::string_view function;  // demangled, without parameters; leading underscores are optional
  std::uint32_t inside;       // what was found further in: a set of in(kind), or kNothing
  Classification what;
  std::uint32_t calls = kAnyCall;  // a set of Call, where the operation has to fit too
  std::uint32_t values = kAnyValue;
};

std::span<const RuntimeRow> runtime_rows();

}  // namespace cw
