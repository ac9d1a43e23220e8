// Where metrics are pushed to, and with what.
//   https://opentelemetry.io/docs/specs/otel/protocol/exporter/ (endpoints, headers)
//   https://opentelemetry.io/docs/specs/otel/resource/sdk/ (OTEL_RESOURCE_ATTRIBUTES)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.h"

namespace cw {

struct OtlpEndpoint {
  std::string host;  // a name or an address; of version 6 without its brackets
  std::uint16_t port = 4318;
  std::string path = "/v1/metrics";
  std::vector<std::pair<std::string, std::string>> headers;  // that were asked for

  [[nodiscard]] std::string authority() const;  // "collector:4318", "[::1]:4318"
  [[nodiscard]] std::string text() const;       // "http://collector:4318/v1/metrics"
};

// "http://HOST[:PORT][/PATH]". A path is taken as it is; where there is none, or only "/", it is
// the one that collectors have. Errors: kUsage.
Result<OtlpEndpoint> parse_otlp_endpoint(std::string_view url);

using KeyValues = std::vector<std::pair<std::string, std::string>>;

// "key=value,key2=value%202": what the OTEL_ variables hold, as in W3C Baggage, without properties.
// `variable` is named in errors: kUsage.
Result<KeyValues> parse_key_values(std::string_view text, std::string_view variable);
// The same, fit for a request; those that we set ourselves are refused.
Result<KeyValues> parse_headers(std::string_view text, std::string_view variable);

}  // namespace cw
