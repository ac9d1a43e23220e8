// How long an allocator's blocks live, and how long its calls take.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/estimate.h"
#include "model/histogram.h"

namespace cw {

// Freed within this: what a pool or the stack would do as well.
inline constexpr double kShortLifeNs = 1e6;

// Of blocks that were followed for a while. Shares are of all blocks that are made.
struct Lifetimes {
  std::uint64_t followed = 0;
  std::uint64_t ended = 0;
  // No life was followed for longer, in ns: how many blocks end later is known, but not when.
  double known_to_ns = 0;
  double known_share = 0;  // of all blocks: they ended within that
  // Freed within kShortLifeNs. Where the windows are shorter, the interval reaches from what was
  // freed in them to 1; empty where that leaves more than a tenth open, or too few were followed.
  std::optional<Estimate> short_lived;
  // Of the blocks that ended within `known_to_ns`: in another thread than the one that made them.
  std::optional<double> elsewhere_share;
  Histogram histogram;  // ns; counts add up to known_share of `followed`

  struct Step {
    double lived_ns = 0;
    double ended_share = 0;  // by then
  };
  std::vector<Step> curve;  // ascending

  // The time within which this share of all blocks ends, in ns; empty: it is beyond what is known.
  [[nodiscard]] std::optional<double> percentile(double share) const {
    const auto found = std::ranges::lower_bound(curve, share, {}, &Step::ended_share);
    if (found == curve.end()) return std::nullopt;
    return found->lived_ns;
  }
};

// What calls took, less what a call of an empty function seems to take, `floor_ns`: less than that
// again cannot be told from nothing.
struct CallLatency {
  std::uint64_t count = 0;
  double floor_ns = 0;
  double mean_ns = 0;
  Histogram histogram;

  [[nodiscard]] double p50_ns() const { return static_cast<double>(histogram.percentile(0.5)); }
  [[nodiscard]] bool is_clear() const { return p50_ns() >= floor_ns; }
};

}  // namespace cw
