// How long things last that are not all seen to their end.
#pragma once

#include <cstdint>

#include "model/histogram.h"

namespace cw {

// What was followed from its beginning: to its end, or as far as it could be.
struct Followed {
  Histogram ended;
  std::uint64_t ended_sum = 0;
  Histogram cut;  // how far
  std::uint64_t cut_sum = 0;

  void add(const Followed& other);
};

struct MeanLife {
  double mean = 0;
  double supposed = 0;      // the part of it that lies beyond the longest that could be followed
  bool open_ended = false;  // more than `mean`: what lasts longest was never seen to end
};

// The area below the product-limit estimate, taken over the histograms' buckets; beyond the longest
// that could be followed, with what was seen of the hazard in the later half of it.
MeanLife mean_life(const Followed& followed);

}  // namespace cw
