#pragma once

namespace cw {

// A figure that was not counted but inferred, with its 95 % interval.
struct Estimate {
  double estimate = 0;
  double low = 0;
  double high = 0;  // infinite: `low` is all that is known, and the estimate
};

}  // namespace cw
