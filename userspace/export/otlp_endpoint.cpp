#include "export/otlp_endpoint.h"

#include <arpa/inet.h>
#include <event2/http.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

#include "export/metric_writer.h"

namespace cw {
namespace {

constexpr std::size_t kLongestUrl = 2000;
constexpr std::size_t kLongestHost = 253;  // RFC 1035

struct UriFreer {
  void operator()(evhttp_uri* uri) const { evhttp_uri_free(uri); }
};
using Uri = std::unique_ptr<evhttp_uri, UriFreer>;

// What may hold a password is not repeated.
std::unexpected<Error> wrong(std::string_view url) {
  if (url.find_first_of("@?") != std::string_view::npos)
    return fail(Exit::kUsage,
                "--otlp takes http://HOST[:PORT][/PATH], without a user, a password or a query");
  return fail(Exit::kUsage,
              fmt::format("--otlp takes http://HOST[:PORT][/PATH]; not '{}'", label_value(url)));
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string in_lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Without the brackets of an address of version 6; empty: none that can be looked up.
std::string host_of(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    const std::string address(host.substr(1, host.size() - 2));
    in6_addr six{};
    return inet_pton(AF_INET6, address.c_str(), &six) == 1 ? address : "";
  }
  const bool fits = !host.empty() && host.size() <= kLongestHost && is_alphanumeric(host.front()) &&
                    std::ranges::all_of(host, [](char c) {
                      return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
                    });
  return fits ? std::string(host) : "";
}

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// "%2C" is a comma.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    std::uint8_t byte = 0;
    const char* const end = text.data() + i + 3;
    const auto [read, error] = std::from_chars(text.data() + i + 1, end, byte, 16);
    if (error != std::errc() || read != end) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

// RFC 9110: a token.
bool is_header_name(std::string_view name) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return is_alphanumeric(c) || kSigns.find(c) != std::string_view::npos;
  });
}

bool is_ours(const std::string& name) {
  constexpr auto kOurs = std::to_array<std::string_view>(
      {"accept-encoding", "connection", "content-encoding", "content-length", "content-type",
       "expect", "host", "transfer-encoding", "upgrade", "user-agent"});
  return std::ranges::find(kOurs, in_lower_case(name)) != std::ranges::end(kOurs);
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

std::string OtlpEndpoint::authority() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

std::string OtlpEndpoint::text() const {
  return fmt::format("http://{}{}", authority(), path);
}

// Certificates and the library that checks them would be most of the program that is copied about;
// a collector beside us has both.
Result<OtlpEndpoint> parse_otlp_endpoint(std::string_view url) {
  if (url.size() > kLongestUrl || has_control_character(url)) return wrong(url);
  const Uri uri(evhttp_uri_parse(std::string(url).c_str()));
  if (!uri) return wrong(url);
  const char* const scheme = evhttp_uri_get_scheme(uri.get());
  if (scheme != nullptr && in_lower_case(scheme) == "https")
    return fail(Exit::kUsage,
                "--otlp takes http:// alone: push to a collector on this machine, such as "
                "http://localhost:4318, and let it go on by https");
  const char* const host = evhttp_uri_get_host(uri.get());
  if (scheme == nullptr || in_lower_case(scheme) != "http" || host == nullptr ||
      evhttp_uri_get_userinfo(uri.get()) != nullptr || evhttp_uri_get_query(uri.get()) != nullptr ||
      evhttp_uri_get_fragment(uri.get()) != nullptr)
    return wrong(url);
  OtlpEndpoint endpoint;
  endpoint.host = host_of(host);
  const int port = evhttp_uri_get_port(uri.get());
  if (endpoint.host.empty() || port == 0) return wrong(url);
  if (port > 0) endpoint.port = static_cast<std::uint16_t>(port);
  const std::string_view path = evhttp_uri_get_path(uri.get());
  if (!path.empty() && path != "/") endpoint.path = path;
  return endpoint;
}

Result<KeyValues> parse_key_values(std::string_view text, std::string_view variable) {
  KeyValues pairs;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view pair = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto value = equals == std::string_view::npos
                           ? std::nullopt
                           : percent_decoded(trimmed(pair.substr(equals + 1)));
    // Not what it was: it may be a password.
    if (!value || equals == 0)
      return fail(Exit::kUsage, fmt::format("{} takes KEY=VALUE[,KEY=VALUE...], with other "
                                            "characters as %XX; not what it holds",
                                            variable));
    pairs.emplace_back(trimmed(pair.substr(0, equals)), *value);
  }
  return pairs;
}

Result<KeyValues> parse_headers(std::string_view text, std::string_view variable) {
  auto pairs = parse_key_values(text, variable);
  if (!pairs) return pairs;
  for (const auto& [name, value] : *pairs) {
    if (is_header_name(name) && !is_ours(name) && !has_control_character(value)) continue;
    return fail(Exit::kUsage, fmt::format("{} holds a header that cannot be sent: '{}'", variable,
                                          label_value(name)));
  }
  return pairs;
}

}  // namespace cw
