// Names for reading: C++ (Itanium ABI) and Rust (legacy and v0 mangling).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cw {

// A few bytes of mangled name can stand for gigabytes ("back references"), so both ends are
// bounded.
inline constexpr std::size_t kMaxMangled = 4096;
inline constexpr std::size_t kMaxDemangled = std::size_t{16} << 10;

// The name as its author wrote it; as it came when it is not mangled or does not fit the bounds
// (then cut to kMaxMangled). A symbol version ("@@GLIBC_2.34") is taken off, a
// stub's "@plt" stays.
std::string demangle(std::string_view symbol);

inline std::string_view without_version(std::string_view symbol) {
  const auto version = symbol.find('@');
  return version == 0 ? symbol : symbol.substr(0, version);
}

}  // namespace cw
