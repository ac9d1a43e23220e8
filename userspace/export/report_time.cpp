#include "export/report_time.h"

#include <cmath>
#include <ctime>

namespace cw {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// ".123" are 123,000,000 ns.
std::int64_t fraction_ns(const char* text) {
  if (*text != '.') return 0;
  std::int64_t ns = 0;
  std::int64_t digit_ns = kNsPerSecond / 10;
  for (++text; is_digit(*text); ++text, digit_ns /= 10) ns += (*text - '0') * digit_ns;
  return ns;
}

}  // namespace

std::optional<std::int64_t> unix_ns(const std::string& rfc3339) {
  std::tm time{};
  const char* const rest = strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (rest == nullptr) return std::nullopt;
  const std::time_t seconds = timegm(&time);
  constexpr std::time_t kLatest = 9'000'000'000;  // in the year 2255; nanoseconds of it have room
  if (seconds < 0 || seconds > kLatest) return std::nullopt;
  return (seconds * kNsPerSecond) + fraction_ns(rest);
}

ReportTime time_of(const Report& report) {
  constexpr double kLongest = 1e8;  // seconds
  const auto began = unix_ns(report.started);
  const bool is_length = report.interval_s >= 0 && report.interval_s < kLongest;  // not a nan
  if (!began || !is_length) return {};
  return {.began_ns = *began, .ended_ns = *began + std::llround(report.interval_s * 1e9)};
}

}  // namespace cw
