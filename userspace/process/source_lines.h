// Where in the source a piece of code comes from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cw {

inline constexpr std::size_t kMaxSourceText = 4096;  // bytes of a function's or file's name

struct SourceFrame {
  std::string function;  // mangled where the table has it so; empty: not known
  std::string file;      // as the compiler was given it, joined to its directory; empty: not known
  std::uint32_t line = 0;  // 0: not known, or code of no line

  bool operator==(const SourceFrame&) const = default;
};

// The functions that the code of one address belongs to, innermost first: all but the last are
// inlined in the next one, whose line is where it calls. Empty: nothing is known.
using SourceFrames = std::vector<SourceFrame>;

// Deeper inlining than this is cut, from the inside.
inline constexpr std::size_t kMaxInlined = 64;

}  // namespace cw
