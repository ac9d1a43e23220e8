#include "output/lives.h"

#include <fmt/format.h>

#include "output/format.h"

namespace cw {

std::string lifetimes_text(const AllocatorReport& row) {
  constexpr double kWideInterval = 0.05;  // share of blocks
  if (!row.lifetimes) return {};
  std::string text;
  if (row.lifetimes->short_lived) {
    const Estimate& share = *row.lifetimes->short_lived;
    text = fmt::format("{} freed within 1 ms", format_share(share.estimate));
    if (share.high - share.low >= kWideInterval)
      text += fmt::format(" ({} to {})", format_share(share.low), format_share(share.high));
  } else if (row.lifetimes->known_share > 0) {
    text = fmt::format("{} freed within {}", format_share(row.lifetimes->known_share),
                       format_duration(row.lifetimes->known_to_ns));
  }
  if (!text.empty() && row.lifetimes->elsewhere_share)
    text += fmt::format(", {} by another thread", format_share(*row.lifetimes->elsewhere_share));
  return text;
}

std::string latency_text(const AllocatorReport& row) {
  if (!row.latency || row.latency->count == 0) return {};
  const CallLatency& latency = *row.latency;
  return latency.is_clear() ? format_duration(latency.p50_ns())
                            : "under " + format_duration(latency.floor_ns);
}

}  // namespace cw
