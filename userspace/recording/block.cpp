#include "recording/block.h"

#include <zlib.h>

namespace cw::recording {
namespace {

// Neither text nor cut to seven bits nor with its line ends changed, as PNG's.
constexpr std::string_view kFileMark =
    "\x89"
    "contentionwatch\r\n\x1a\n";
static_assert(kFileMark.size() + 4 == kFileHeaderSize);

void put(std::string& text, std::uint32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    text += static_cast<char>(static_cast<std::uint8_t>(number >> shift));
}

std::uint32_t number_at(std::string_view text, std::size_t at) {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < 4; ++i)
    number |= std::uint32_t{static_cast<std::uint8_t>(text[at + i])} << (8 * i);
  return number;
}

}  // namespace

std::string file_header() {
  std::string header(kFileMark);
  put(header, kVersion);
  return header;
}

std::optional<std::uint32_t> version_of(std::string_view header) {
  if (header.size() < kFileHeaderSize || !header.starts_with(kFileMark)) return std::nullopt;
  return number_at(header, kFileMark.size());
}

std::string written(const BlockHeader& header) {
  std::string text(kBlockMark);
  for (const std::uint32_t number : {header.flags, header.stored, header.plain, header.checksum})
    put(text, number);
  put(text, checksum_of(text));
  return text;
}

std::optional<BlockHeader> read_block_header(std::string_view text) {
  if (text.size() < kBlockHeaderSize || !text.starts_with(kBlockMark)) return std::nullopt;
  const std::size_t covered = kBlockHeaderSize - 4;
  if (number_at(text, covered) != checksum_of(text.substr(0, covered))) return std::nullopt;
  const BlockHeader header{.flags = number_at(text, 4),
                           .stored = number_at(text, 8),
                           .plain = number_at(text, 12),
                           .checksum = number_at(text, 16)};
  if (header.stored > kMostStored || header.plain > kMostPlain) return std::nullopt;
  return header;
}

std::uint32_t checksum_of(std::string_view text) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

}  // namespace cw::recording
