// Pushes metrics to an OpenTelemetry collector, in a thread of its own. A collector that is down,
// slow or hostile costs whoever pushes nothing but a counted loss: at most 60 reports wait for it
// (the oldest give way), each try has 10 s, and the end 2 s. One that may itself be why it fails is
// given up after three tries, and holds up the newer ones no longer. Tries are those that the
// protocol asks for:
//   https://opentelemetry.io/docs/specs/otlp/#otlphttp-response (what is tried again, Retry-After)
//   https://opentelemetry.io/docs/specs/otel/protocol/exporter/#retry (back-off, with jitter)
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "export/http_client.h"
#include "export/metrics.h"
#include "export/otlp_endpoint.h"
#include "export/otlp_retry.h"
#include "model/error.h"

namespace cw {

struct OtlpPushOptions {
  std::string version;  // of this program
  // Whether push() waits for room, until several tries in a row have failed: for reports that come
  // faster than they were made.
  bool waits_for_room = false;
  std::chrono::milliseconds patience{10'000};  // for an answer
  // A line for people, from the thread: when trouble begins and ends, at most once a minute, and
  // what was lost in the end.
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

class OtlpPush {
 public:
  // Errors: kFailed (out of files).
  static Result<std::unique_ptr<OtlpPush>> open(OtlpEndpoint endpoint, OtlpPushOptions options);
  OtlpPush(const OtlpPush&) = delete;
  OtlpPush& operator=(const OtlpPush&) = delete;
  ~OtlpPush() { finish(); }

  // The body of a request. The first begins the thread: rights that were dropped by then are none
  // of its.
  void push(std::string body);
  // One last try for what still waits, without pauses; then it is over.
  void finish();
  [[nodiscard]] PushLosses losses() const;

 private:
  using Clock = HttpClient::Clock;
  static constexpr unsigned kMostFailures = 4;  // 4 to 7 s, or the pauses asked for
  static constexpr unsigned kMostTries = 3;  // fewer: one bad report is no collector that is down

  struct Queued {
    std::string body;
    unsigned failures = 0;  // that may be its fault
  };

  OtlpPush(OtlpEndpoint endpoint, OtlpPushOptions options, HttpClient client);
  void run();
  std::optional<Queued> next();
  void settle(Queued report, const OtlpOutcome& outcome);
  void try_again(Queued report, const OtlpOutcome& outcome);
  void enqueue(Queued report, bool first);
  void say_change(const OtlpOutcome& outcome);
  // Whether to wait for it no more.
  [[nodiscard]] bool is_down() const { return failures_ >= kMostFailures; }

  const OtlpEndpoint endpoint_;
  const OtlpPushOptions options_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_.
  std::deque<Queued> queue_;  // oldest first; without the one that is being sent
  std::size_t queued_bytes_ = 0;
  std::optional<Clock::time_point> end_;  // of the last tries, once finish() was called
  Clock::time_point pause_until_;
  bool sending_ = false;
  bool is_last_try_ = false;  // it began after finish() was called
  unsigned failures_ = 0;     // tries in a row of which nothing came
  std::uint64_t pushed_ = 0;
  PushLosses losses_;
  std::string reason_;  // of the last loss

  // Of the thread.
  HttpClient client_;
  HttpRequest request_;
  BackOff back_off_;
  bool trouble_said_ = false;
  Clock::time_point quiet_until_;
};

}  // namespace cw
