#include "output/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cw {
namespace {

double sane(double value) {
  return std::isfinite(value) && value > 0 ? value : 0;
}

// Two digits that count: "1.9", "19", "190".
std::string two_digits(double value, const char* unit) {
  return value < 9.95 ? fmt::format("{:.1f} {}", value, unit)
                      : fmt::format("{:.0f} {}", value, unit);
}

}  // namespace

std::string format_count(std::uint64_t value) {
  std::string digits = fmt::format("{}", value);
  for (std::size_t end = digits.size(); end > 3; end -= 3) digits.insert(end - 3, 1, ',');
  return digits;
}

std::string format_rate(double per_second) {
  const double value = sane(per_second);
  if (value >= 9.95) return format_count(static_cast<std::uint64_t>(std::llround(value)));
  if (value >= 0.95) return fmt::format("{:.1f}", value);
  return format_mean(value);
}

std::string format_duration(double nanoseconds) {
  const double ns = sane(nanoseconds);
  if (ns < 999.5) return fmt::format("{:.0f} ns", ns);
  if (ns < 999.5e3) return two_digits(ns / 1e3, "us");
  if (ns < 999.5e6) return two_digits(ns / 1e6, "ms");
  const double seconds = ns / 1e9;
  if (seconds < 119.5) return two_digits(seconds, "s");
  const auto minutes = static_cast<std::uint64_t>(std::llround(seconds / 60));
  if (minutes < 120) return fmt::format("{} min", minutes);
  return fmt::format("{} h {} min", format_count(minutes / 60), minutes % 60);
}

std::string format_mean(double threads) {
  const double value = sane(threads);
  if (value == 0) return "0";
  if (value < 0.005) return "<0.01";
  if (value < 0.995) return fmt::format("{:.2f}", value);
  if (value < 999.95) return fmt::format("{:.1f}", value);
  return format_count(static_cast<std::uint64_t>(std::llround(value)));
}

std::string format_tenths(double threads) {
  return fmt::format("{:.1f}", sane(threads));
}

std::string format_share(double share) {
  const double percent = sane(share) * 100;
  if (percent == 0) return "0 %";
  if (percent < 0.05) return "<0.1 %";
  if (percent < 0.95) return fmt::format("{:.1f} %", percent);
  // Short of all is not all: 99.7 % of a stack's frames is not "100 %".
  if (percent > 99 && percent < 100) return fmt::format("{:.1f} %", std::min(percent, 99.9));
  return fmt::format("{:.0f} %", percent);
}

std::string format_share_interval(const Estimate& share) {
  return fmt::format("{:.0f}-{:.0f} %", sane(share.low) * 100, sane(share.high) * 100);
}

std::string format_bytes(double bytes) {
  const double value = sane(bytes);
  if (value < 999.5) return fmt::format("{:.0f} B", value);
  if (value < 999.5e3) return two_digits(value / 1e3, "kB");
  if (value < 999.5e6) return two_digits(value / 1e6, "MB");
  if (value < 999.5e9) return two_digits(value / 1e9, "GB");
  return two_digits(value / 1e12, "TB");
}

std::string format_cores(double cores) {
  const double value = sane(cores);
  if (value == 0) return "0";
  if (value < 0.00005) return "<0.0001";
  if (value < 0.0095) return fmt::format("{:.{}f}", value, value < 0.00095 ? 4 : 3);
  return format_mean(value);
}

std::string format_plural(std::uint64_t value, const std::string& noun) {
  return fmt::format("{} {}{}", format_count(value), noun, value == 1 ? "" : "s");
}

}  // namespace cw
