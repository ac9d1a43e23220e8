// The unit that memory is mapped by.
#pragma once

#include <cstdint>

namespace cw {

inline constexpr std::uint64_t kPage = 4096;

// The start of the page that holds `address`.
constexpr std::uint64_t page_of(std::uint64_t address) {
  return address / kPage * kPage;
}

}  // namespace cw
