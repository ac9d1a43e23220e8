// What the observer and the process that reads line tables for it say to one another.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "process/source_lines.h"

namespace cw {

// One message, with the file (and what dwz took out of it) attached as descriptors.
struct LineRequest {
  std::uint64_t sequence = 0;  // the answer has the same
  std::uint64_t file = 0;      // a number for these descriptors' contents
  std::uint64_t vaddr = 0;
};

inline constexpr std::size_t kMaxLineReply = std::size_t{64} << 10;

struct LineReply {
  std::uint64_t sequence = 0;
  SourceFrames frames;
};

// At most kMaxLineReply bytes; where frames do not fit, the innermost are missing.
std::string encode(const LineReply& reply);
// Empty when it is no such message. Believes nothing: what reads hostile files may have been taken
// over by one.
std::optional<LineReply> decode(std::string_view message);

}  // namespace cw
