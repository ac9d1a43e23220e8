// Who the metrics of a request are from, in the words of OpenTelemetry:
//   https://opentelemetry.io/docs/specs/semconv/resource/ (service, host)
#pragma once

#include <string>
#include <string_view>

#include "export/otlp_endpoint.h"
#include "export/otlp_request.h"

namespace cw {

// `watched`: what of the host, "pid=4242"; empty: all of it. Two observers of one host are told
// apart by it. `asked`: replaces what has the same name, and adds what is new.
ResourceAttributes otlp_resource(const std::string& host, std::string_view watched,
                                 const std::string& version, const KeyValues& asked);

}  // namespace cw
