#include "recording/compression.h"

#include <algorithm>

namespace cw::recording {
namespace {

constexpr int kLevel = 6;
constexpr int kWindowLog = 21;  // 2 MB, in the memory of who reads it too

}  // namespace

Packer::Packer() : context_(ZSTD_createCCtx()) {
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
}

void Packer::restart() {
  ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);
}

std::string Packer::pack(std::string_view plain) {
  std::string packed;
  ZSTD_inBuffer in{plain.data(), plain.size(), 0};
  std::size_t left = ZSTD_compressBound(plain.size());
  while (left != 0) {
    const std::size_t before = packed.size();
    packed.resize(before + left);
    ZSTD_outBuffer out{packed.data() + before, left, 0};
    left = ZSTD_compressStream2(context_.get(), &out, &in, ZSTD_e_flush);
    packed.resize(before + out.pos);
    if (ZSTD_isError(left) != 0) return {};
  }
  return packed;
}

Unpacker::Unpacker() : context_(ZSTD_createDCtx()) {
  ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog);
}

void Unpacker::restart() {
  ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
}

std::optional<std::string> Unpacker::unpack(std::string_view packed, std::size_t plain_size) {
  // Grows with what really comes: a header may promise more.
  std::string plain(std::min(plain_size, packed.size() * 16 + 4096), '\0');
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  ZSTD_outBuffer out{plain.data(), plain.size(), 0};
  for (;;) {
    const std::size_t before = in.pos + out.pos;
    const std::size_t state = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(state) != 0) return std::nullopt;
    if (out.pos == out.size && out.size < plain_size) {
      plain.resize(std::min(plain_size, plain.size() * 2));
      out.dst = plain.data();
      out.size = plain.size();
    } else if (in.pos == in.size || in.pos + out.pos == before) {
      break;
    }
  }
  if (in.pos != in.size || out.pos != plain_size) return std::nullopt;
  return plain;
}

}  // namespace cw::recording
