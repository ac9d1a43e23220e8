#include "app/otlp_settings.h"

#include <cstdlib>

namespace cw {
namespace {

// Empty is as good as not set, as OpenTelemetry has it.
std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<OtlpSettings> otlp_settings(const std::string& url) {
  OtlpSettings settings;
  auto endpoint = parse_otlp_endpoint(url);
  if (!endpoint) return std::unexpected(endpoint.error());
  settings.endpoint = std::move(*endpoint);
  const char* headers_name = "OTEL_EXPORTER_OTLP_METRICS_HEADERS";
  if (variable(headers_name).empty()) headers_name = "OTEL_EXPORTER_OTLP_HEADERS";
  auto headers = parse_headers(variable(headers_name), headers_name);
  if (!headers) return std::unexpected(headers.error());
  settings.endpoint.headers = std::move(*headers);
  constexpr const char* kResource = "OTEL_RESOURCE_ATTRIBUTES";
  auto resource = parse_key_values(variable(kResource), kResource);
  if (!resource) return std::unexpected(resource.error());
  settings.resource = std::move(*resource);
  if (const std::string name = variable("OTEL_SERVICE_NAME"); !name.empty())
    settings.resource.emplace_back("service.name", name);
  return settings;
}

}  // namespace cw
