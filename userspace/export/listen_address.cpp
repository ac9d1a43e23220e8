#include "export/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace cw {
namespace {

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || last != text.data() + text.size()) return std::nullopt;
  return port;
}

bool set_host(const std::string& host, std::uint16_t port, ListenAddress& address) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    address.length = sizeof(four);
    std::memcpy(&address.socket, &four, sizeof(four));
    return true;
  }
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) != 1) return false;
  address.length = sizeof(six);
  std::memcpy(&address.socket, &six, sizeof(six));
  return true;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  std::string host(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (host.empty() || host == "localhost")
    host = "127.0.0.1";
  else if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    host = "an IPv6 address without its brackets";
  const auto port = port_of(text.substr(colon == std::string_view::npos ? 0 : colon + 1));
  ListenAddress address;
  if (!port || !set_host(host, *port, address))
    return fail(Exit::kUsage,
                fmt::format("--listen takes ADDR:PORT with a numeric address, or PORT alone for "
                            "127.0.0.1; not '{}'",
                            text));
  return address;
}

std::string ListenAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (socket.ss_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &socket, sizeof(six));
    inet_ntop(AF_INET6, &six.sin6_addr, host.data(), host.size());
    return fmt::format("[{}]:{}", host.data(), ntohs(six.sin6_port));
  }
  sockaddr_in four{};
  std::memcpy(&four, &socket, sizeof(four));
  inet_ntop(AF_INET, &four.sin_addr, host.data(), host.size());
  return fmt::format("{}:{}", host.data(), ntohs(four.sin_port));
}

}  // namespace cw
