#pragma once
// What the service measures of itself, so that what an observer says of it can be checked.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "order.h"

namespace orders {

// Counts of one thread; added up when it ends.
struct Tally {
  uint64_t requests = 0;
  uint64_t acquisitions = 0;  // of the hot lock
  uint64_t contended = 0;     // those that found it taken
  uint64_t wait_ns = 0;       // around lock(), contended ones only
  uint64_t max_wait_ns = 0;
  uint64_t held_ns = 0;
  uint64_t sealed = 0;  // checksums made after letting go: kept, so that they are made

  void answered(Clock::duration latency);
  void add(const Tally& other);
  [[nodiscard]] uint64_t latency_us(double share) const;  // a percentile, e.g. 0.99

 private:
  static constexpr uint64_t kBucketUs = 20;
  std::array<uint32_t, 10'000> latency_{};  // the last one takes all above 200 ms
};

// One JSON line.
std::string report(const Tally& total, std::string_view design, uint64_t turned_away,
                   Clock::duration elapsed);

}  // namespace orders
