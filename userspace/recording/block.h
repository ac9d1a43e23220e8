// How a recording lies in its file: it only grows, by one block for each interval.
//
//   file   "\x89contentionwatch\r\n\x1a\n", version (4 bytes), then blocks
//   block  "CWRB", flags, stored, plain, payload's CRC-32, header's CRC-32 (4 bytes each), payload
//
// Numbers are little-endian. `stored` is the payload's size, `plain` what it unpacks to. A block
// with kBegins needs nothing of those before it; any other continues them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cw::recording {

// A change that readers of the version before cannot pass over makes a new one; a new field does
// not.
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kFileHeaderSize = 24;
inline constexpr std::size_t kBlockHeaderSize = 24;
inline constexpr std::string_view kBlockMark = "CWRB";
inline constexpr std::uint32_t kBegins = 1;

// What a block may hold, of an interval with all rows that a report may have: a few megabytes.
inline constexpr std::uint32_t kMostStored = 64U << 20U;
inline constexpr std::uint32_t kMostPlain = 64U << 20U;

struct BlockHeader {
  std::uint32_t flags = 0;
  std::uint32_t stored = 0;
  std::uint32_t plain = 0;
  std::uint32_t checksum = 0;  // of the payload

  [[nodiscard]] bool begins() const { return (flags & kBegins) != 0; }
};

std::string file_header();
// The version that a file says it has; empty: it is no recording.
std::optional<std::uint32_t> version_of(std::string_view header);

std::string written(const BlockHeader& header);
// Empty: it is damaged.
std::optional<BlockHeader> read_block_header(std::string_view text);

std::uint32_t checksum_of(std::string_view text);

}  // namespace cw::recording
