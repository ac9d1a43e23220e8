// Where to serve metrics.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "model/error.h"

namespace cw {

struct ListenAddress {
  sockaddr_storage socket{};
  socklen_t length = 0;

  [[nodiscard]] std::string text() const;  // "127.0.0.1:9477", "[::1]:9477"
};

// "127.0.0.1:9477", "[::]:9477", "localhost:9477"; "9477" and ":9477" are on loopback: who wants to
// be heard by others must say so. Errors: kUsage.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace cw
