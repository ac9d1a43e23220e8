#include "export/otlp_push.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "export/background_thread.h"

namespace cw {
namespace {

constexpr std::size_t kMostQueued = 60;                           // reports
constexpr std::size_t kMostQueuedBytes = std::size_t{32} << 20U;  // of them together
constexpr std::uint64_t kMostPoints = 100'000;  // of a report, whatever a collector says
constexpr auto kFarewell = std::chrono::seconds(2);
constexpr auto kQuiet = std::chrono::minutes(1);

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

HttpRequest request_to(const OtlpEndpoint& endpoint, const std::string& version) {
  HttpRequest request{
      .path = endpoint.path,
      .headers = {{"Host", endpoint.authority()},
                  {"Content-Type", "application/json"},
                  {"User-Agent", "contentionwatch/" + version + " (C++; OTLP/JSON)"}},
      .body = {}};
  request.headers.insert(request.headers.end(), endpoint.headers.begin(), endpoint.headers.end());
  return request;
}

}  // namespace

Result<std::unique_ptr<OtlpPush>> OtlpPush::open(OtlpEndpoint endpoint, OtlpPushOptions options) {
  auto client = HttpClient::make({.host = endpoint.host, .port = endpoint.port});
  if (!client) return std::unexpected(client.error());
  return std::unique_ptr<OtlpPush>(
      new OtlpPush(std::move(endpoint), std::move(options), std::move(*client)));
}

OtlpPush::OtlpPush(OtlpEndpoint endpoint, OtlpPushOptions options, HttpClient client)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      client_(std::move(client)),
      request_(request_to(endpoint_, options_.version)),
      back_off_(random_seed()) {}

void OtlpPush::push(std::string body) {
  if (!thread_.joinable()) thread_ = background_thread([this] { run(); });
  std::unique_lock lock(mutex_);
  if (options_.waits_for_room)
    // The one that is being sent may come back.
    changed_.wait(lock,
                  [&] { return queue_.size() + (sending_ ? 1 : 0) < kMostQueued || is_down(); });
  ++pushed_;
  enqueue({.body = std::move(body)}, false);
  changed_.notify_all();
}

// `first`: one that was tried before, and is older than the others.
void OtlpPush::enqueue(Queued report, bool first) {
  queued_bytes_ += report.body.size();
  first ? queue_.push_front(std::move(report)) : queue_.push_back(std::move(report));
  while (queue_.size() > kMostQueued || queued_bytes_ > kMostQueuedBytes) {
    queued_bytes_ -= queue_.front().body.size();
    queue_.pop_front();
    ++losses_.reports;
  }
}

void OtlpPush::finish() {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    if (options_.waits_for_room)
      changed_.wait(lock, [&] { return (queue_.empty() && !sending_) || is_down(); });
    end_ = Clock::now() + kFarewell;
    client_.hurry(*end_);
    changed_.notify_all();
  }
  thread_.join();
  losses_.reports += queue_.size();
  queue_.clear();
  if (losses_.reports + losses_.points == 0) return;
  const std::string points =
      losses_.points == 0 ? "" : fmt::format(" and {} points of others", losses_.points);
  options_.say(fmt::format("{} of {} reports{} did not reach {}: {}", losses_.reports, pushed_,
                           points, endpoint_.text(),
                           reason_.empty() ? "there was no time for it" : reason_));
}

PushLosses OtlpPush::losses() const {
  const std::scoped_lock lock(mutex_);
  return losses_;
}

void OtlpPush::run() {
  while (auto report = next()) {
    request_.body = std::move(report->body);
    const HttpAnswer answer = client_.post(request_, Clock::now() + options_.patience);
    const OtlpOutcome outcome = outcome_of(answer, std::chrono::system_clock::now());
    report->body = std::move(request_.body);
    settle(std::move(*report), outcome);
    say_change(outcome);
  }
}

// Waits for one that is due; empty: it is over.
std::optional<OtlpPush::Queued> OtlpPush::next() {
  std::unique_lock lock(mutex_);
  while (!end_ && (queue_.empty() || Clock::now() < pause_until_))
    queue_.empty() ? changed_.wait(lock) : void(changed_.wait_until(lock, pause_until_));
  if (queue_.empty() || (end_ && Clock::now() >= *end_)) return std::nullopt;
  Queued report = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= report.body.size();
  sending_ = true;
  is_last_try_ = end_.has_value();
  return report;
}

void OtlpPush::settle(Queued report, const OtlpOutcome& outcome) {
  const std::scoped_lock lock(mutex_);
  sending_ = false;
  failures_ = outcome.what == OtlpOutcome::What::kTryAgain ? failures_ + 1 : 0;
  if (!outcome.reason.empty()) reason_ = outcome.reason;
  losses_.points += std::min(outcome.rejected_points, kMostPoints);
  if (outcome.what == OtlpOutcome::What::kRefused) ++losses_.reports;
  if (outcome.what == OtlpOutcome::What::kTryAgain)
    try_again(std::move(report), outcome);
  else
    back_off_.reset();
  changed_.notify_all();
}

void OtlpPush::try_again(Queued report, const OtlpOutcome& outcome) {
  report.failures += outcome.may_be_its_fault ? 1 : 0;
  const bool is_given_up =
      outcome.may_be_its_fault && (is_last_try_ || report.failures >= kMostTries);
  if (is_given_up)
    ++losses_.reports;
  else
    enqueue(std::move(report), true);
  const std::chrono::milliseconds pause = back_off_.next();
  // No shorter than our own: "0", or a moment that is past by our clock, is no leave to hammer.
  pause_until_ = Clock::now() + std::max<std::chrono::milliseconds>(
                                    pause, outcome.pause.value_or(std::chrono::seconds{0}));
  if (is_last_try_ && !is_given_up) end_ = Clock::time_point::min();
}

void OtlpPush::say_change(const OtlpOutcome& outcome) {
  const bool is_well = outcome.reason.empty();
  if (is_well && trouble_said_) {
    options_.say(fmt::format("metrics reach {} again", endpoint_.text()));
    trouble_said_ = false;
  }
  if (is_well || trouble_said_ || Clock::now() < quiet_until_) return;
  options_.say(fmt::format("pushing metrics to {}: {}{}", endpoint_.text(), outcome.reason,
                           outcome.what == OtlpOutcome::What::kTryAgain ? "; trying again" : ""));
  trouble_said_ = true;
  quiet_until_ = Clock::now() + kQuiet;
}

}  // namespace cw
