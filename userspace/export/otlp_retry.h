// What becomes of a report after an answer of the collector, and when it is tried again.
//   https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "export/http_client.h"

namespace cw {

struct OtlpOutcome {
  enum class What : std::uint8_t {
    kArrived,
    kTryAgain,
    kRefused,  // for good
  };
  What what = What::kArrived;
  bool may_be_its_fault = false;              // of a try that failed: what is in the report
  std::uint64_t rejected_points = 0;          // of one that arrived
  std::optional<std::chrono::seconds> pause;  // that the collector asks for, bounded
  std::string reason;                         // of what is not well; one line, fit to be shown
};

// `now`: for answers that name a moment.
OtlpOutcome outcome_of(const HttpAnswer& answer, std::chrono::system_clock::time_point now);

// Twice as long each time, and never the same: many observers lose their collector at once.
class BackOff {
 public:
  explicit BackOff(std::uint64_t seed) : random_(seed) {}

  // Between half and the whole of 1 s, 2 s, 4 s... 32 s.
  std::chrono::milliseconds next();
  void reset() { failures_ = 0; }

 private:
  std::mt19937_64 random_;
  unsigned failures_ = 0;
};

}  // namespace cw
