// Names inside a stripped file: .gnu_debugdata, an ELF file with a .symtab, compressed with xz
// ("MiniDebugInfo": sourceware.org/gdb/current/onlinedocs/gdb.html/MiniDebugInfo.html).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cw {

inline constexpr std::size_t kMaxPackedDebug = std::size_t{16} << 20;
inline constexpr std::size_t kMaxUnpackedDebug = std::size_t{64} << 20;

// The file, unpacked; empty when it is damaged, or exceeds the bound or 64 MB of working memory.
std::string unpack_mini_debug(std::string_view packed);

}  // namespace cw
