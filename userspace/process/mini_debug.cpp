#include "process/mini_debug.h"

#include <lzma.h>

#include <algorithm>
#include <cstdint>

namespace cw {
namespace {

constexpr std::uint64_t kMaxWorkingMemory = std::uint64_t{64} << 20;
constexpr std::size_t kUnpackedAtOnce = std::size_t{256} << 10;

struct LzmaDecoder {
  LzmaDecoder() = default;
  LzmaDecoder(const LzmaDecoder&) = delete;
  LzmaDecoder& operator=(const LzmaDecoder&) = delete;
  LzmaDecoder(LzmaDecoder&&) = delete;
  LzmaDecoder& operator=(LzmaDecoder&&) = delete;
  ~LzmaDecoder() { ::lzma_end(&stream); }

  lzma_stream stream = LZMA_STREAM_INIT;
};

}  // namespace

std::string unpack_mini_debug(std::string_view packed) {
  if (packed.empty() || packed.size() > kMaxPackedDebug) return {};
  LzmaDecoder decoder;
  if (::lzma_stream_decoder(&decoder.stream, kMaxWorkingMemory, 0) != LZMA_OK) return {};
  decoder.stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  decoder.stream.avail_in = packed.size();
  std::string unpacked;
  while (unpacked.size() < kMaxUnpackedDebug) {
    const std::size_t before = unpacked.size();
    unpacked.resize(std::min(before + kUnpackedAtOnce, kMaxUnpackedDebug));
    decoder.stream.next_out = reinterpret_cast<std::uint8_t*>(unpacked.data()) + before;
    decoder.stream.avail_out = unpacked.size() - before;
    const lzma_ret result = ::lzma_code(&decoder.stream, LZMA_FINISH);
    unpacked.resize(unpacked.size() - decoder.stream.avail_out);
    if (result == LZMA_STREAM_END) return unpacked;
    if (result != LZMA_OK) return {};
  }
  return {};
}

}  // namespace cw
