// The bytes that libFuzzer makes up (llvm.org/docs/LibFuzzer.html).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cw::fuzz {

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// Keeps what was computed from being optimised away.
template <typename Value>
void use(const Value& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace cw::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);
