#include "process/cfi_cursor.h"

namespace cw {

std::optional<std::uint64_t> CfiCursor::take_pointer(std::uint8_t encoding) {
  constexpr std::uint8_t kOmitted = 0xff;
  constexpr std::uint8_t kIndirect = 0x80;
  constexpr std::uint8_t kRelation = 0x70;
  constexpr std::uint8_t kPcRelative = 0x10;
  if (encoding == kOmitted) return std::nullopt;
  const std::uint64_t here = vaddr();
  std::uint64_t value = 0;
  switch (encoding & 0x0fU) {
    case 0x00:  // absptr
    case 0x04:  // udata8
    case 0x0c:  // sdata8
      value = take<std::uint64_t>();
      break;
    case 0x01:
      value = take_uleb();
      break;
    case 0x02:
      value = take<std::uint16_t>();
      break;
    case 0x03:
      value = take<std::uint32_t>();
      break;
    case 0x09:
      value = static_cast<std::uint64_t>(take_sleb());
      break;
    case 0x0a:
      value = static_cast<std::uint64_t>(std::int64_t{take<std::int16_t>()});
      break;
    case 0x0b:
      value = static_cast<std::uint64_t>(std::int64_t{take<std::int32_t>()});
      break;
    default:
      good_ = false;
      return std::nullopt;
  }
  if (!good_ || (encoding & kIndirect) != 0) return std::nullopt;
  switch (encoding & kRelation) {
    case 0:
      return value;
    case kPcRelative:
      return here + value;
    default:
      return std::nullopt;
  }
}

}  // namespace cw
