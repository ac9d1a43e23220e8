// Reading call frame information byte by byte. It comes from the observed process: a read past the
// end gives 0 and makes the cursor bad, so that nobody has to check each step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace cw {

class CfiCursor {
 public:
  // `vaddr`: of the first byte, what pc-relative values are relative to.
  CfiCursor(std::span<const std::byte> bytes, std::uint64_t vaddr) : bytes_(bytes), vaddr_(vaddr) {}

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return !good_ || at_ >= bytes_.size(); }
  [[nodiscard]] std::size_t left() const { return good_ ? bytes_.size() - at_ : 0; }
  [[nodiscard]] std::uint64_t vaddr() const { return vaddr_ + at_; }

  template <typename T>
  T take() {
    T value{};
    if (left() < sizeof(T)) {
      good_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::uint64_t take_uleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = take<std::uint8_t>();
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
  }

  std::int64_t take_sleb() {
    std::uint64_t value = 0;
    unsigned shift = 0;
    std::uint8_t byte = 0;
    do {
      byte = take<std::uint8_t>();
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
      shift += 7;
    } while ((byte & 0x80U) != 0);
    if (shift < 64 && (byte & 0x40U) != 0) value |= ~std::uint64_t{0} << shift;
    return static_cast<std::int64_t>(value);
  }

  // The next `size` bytes; a cursor that is bad when there are not so many.
  CfiCursor take_part(std::uint64_t size) {
    if (size > left()) good_ = false;
    CfiCursor part(good_ ? bytes_.subspan(at_, size) : std::span<const std::byte>{}, vaddr());
    part.good_ = good_;
    if (good_) at_ += size;
    return part;
  }

  // A NUL-terminated string, which stays where it is.
  const char* take_string() {
    const auto rest = bytes_.subspan(good_ ? at_ : bytes_.size());
    const void* end = rest.empty() ? nullptr : std::memchr(rest.data(), 0, rest.size());
    if (end == nullptr) {
      good_ = false;
      return "";
    }
    const auto* text = reinterpret_cast<const char*>(rest.data());
    at_ += static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest.data()) + 1;
    return text;
  }

  // A pointer in one of the encodings DW_EH_PE_* (LSB core specification 5.0, section 10.5.1);
  // empty for those that .eh_frame has no use for (relative to other sections, indirect).
  std::optional<std::uint64_t> take_pointer(std::uint8_t encoding);

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t vaddr_;
  std::size_t at_ = 0;
  bool good_ = true;
};

}  // namespace cw
