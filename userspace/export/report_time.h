// When a report's interval was, by the clock on the wall.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/report.h"

namespace cw {

inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// Unix time in nanoseconds of "2025-03-01T03:12:45.123Z", as reports have it; empty when it is
// none.
std::optional<std::int64_t> unix_ns(const std::string& rfc3339);

struct ReportTime {
  std::int64_t began_ns = 0;
  std::int64_t ended_ns = 0;
};

// Zero where the report says nothing sensible.
ReportTime time_of(const Report& report);

}  // namespace cw
