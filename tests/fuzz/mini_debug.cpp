#include "process/mini_debug.h"

#include <cstdlib>

#include "input.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (cw::unpack_mini_debug(cw::fuzz::text_of(bytes, size)).size() > cw::kMaxUnpackedDebug)
    std::abort();
  return 0;
}
