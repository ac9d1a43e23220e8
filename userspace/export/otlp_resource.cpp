#include "export/otlp_resource.h"

#include <fmt/format.h>

#include <algorithm>

namespace cw {

ResourceAttributes otlp_resource(const std::string& host, std::string_view watched,
                                 const std::string& version, const KeyValues& asked) {
  ResourceAttributes attributes = {
      {"service.name", "contentionwatch"},
      {"service.version", version},
      {"service.instance.id", watched.empty() ? host : fmt::format("{}/{}", host, watched)},
      {"host.name", host}};
  for (const auto& [key, value] : asked) {
    const auto same = std::ranges::find(attributes, key, &KeyValues::value_type::first);
    if (same != attributes.end())
      same->second = value;
    else
      attributes.emplace_back(key, value);
  }
  for (auto& [key, value] : attributes) value = label_value(value);
  return attributes;
}

}  // namespace cw
