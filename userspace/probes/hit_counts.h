// How often probes in the code of a process were passed.
#pragma once

#include <cstdint>

namespace cw {

// Runs of the probes' program so far.
struct HitCounts {
  std::uint64_t all = 0;
  std::uint64_t inside = 0;  // the windows

  HitCounts operator-(const HitCounts& before) const {
    return {.all = all - before.all, .inside = inside - before.inside};
  }
};

// A hit of a probe that is single-stepped costs at most so many times one that is emulated.
inline constexpr std::uint64_t kSingleStepped = 15;

// Adds what one CPU counted in the kernel: hits, stepped, inside and inside_stepped. One that is
// single-stepped counts as `stepped_weight` others.
template <typename Counts>
void add_hits(HitCounts& sum, const Counts& counts, std::uint64_t stepped_weight) {
  sum.all += counts.hits + (stepped_weight - 1) * counts.stepped;
  sum.inside += counts.inside + (stepped_weight - 1) * counts.inside_stepped;
}

}  // namespace cw
