#include "process/line_messages.h"

#include <cstdlib>

#include "input.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto reply = cw::decode(cw::fuzz::text_of(bytes, size));
  if (!reply) return 0;
  const auto again = cw::decode(cw::encode(*reply));
  if (!again || again->sequence != reply->sequence || again->frames != reply->frames) std::abort();
  return 0;
}
