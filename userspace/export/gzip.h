// Compression for file formats that ask for it (RFC 1952).
#pragma once

#include <string>

namespace cw {

// Empty when there is no memory for it.
std::string gzip(const std::string& content);

}  // namespace cw
