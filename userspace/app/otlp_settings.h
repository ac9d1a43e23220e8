// What --otlp and the environment say of pushing metrics.
#pragma once

#include <string>

#include "export/otlp_endpoint.h"
#include "model/error.h"

namespace cw {

struct OtlpSettings {
  OtlpEndpoint endpoint;
  KeyValues resource;  // attributes that were asked for
};

// OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_METRICS_HEADERS (which counts where there are
// both), OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME are heard. Errors: kUsage.
Result<OtlpSettings> otlp_settings(const std::string& url);

}  // namespace cw
