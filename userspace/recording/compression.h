// One stream of Zstandard (RFC 8878) over several blocks: what an interval has in common with those
// before it costs next to nothing.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cw::recording {

class Packer {
 public:
  Packer();
  void restart();
  // It unpacks to all of `plain` without what comes later. Empty: out of memory.
  std::string pack(std::string_view plain);

 private:
  struct Freer {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Freer> context_;
};

class Unpacker {
 public:
  Unpacker();
  void restart();
  // Empty: it is damaged, or unpacks to another size.
  std::optional<std::string> unpack(std::string_view packed, std::size_t plain_size);

 private:
  struct Freer {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Freer> context_;
};

}  // namespace cw::recording
