// Whether memory grows for good: a trend, as opposed to a warm-up that comes to rest.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace cw {

class GrowthTrend {
 public:
  static constexpr std::uint64_t kShortestNs = 60'000'000'000;  // less is no trend
  static constexpr std::uint64_t kLongestNs = 600'000'000'000;  // older looks are forgotten
  static constexpr std::uint64_t kStepNs = 1'000'000'000;  // looks nearer than this are left out

  void add(std::uint64_t time_ns, std::uint64_t bytes);

  // Bytes per second, by which it has grown for at least a minute and still does: growth that has
  // slowed down counts with its latest rate. Empty: no such growth, or not looked at long enough.
  [[nodiscard]] std::optional<double> bytes_per_s() const;
  // How long it has been looked at.
  [[nodiscard]] std::uint64_t length_ns() const;

 private:
  struct Look {
    std::uint64_t time_ns = 0;
    std::uint64_t bytes = 0;
  };
  std::deque<Look> looks_;
};

}  // namespace cw
