#include "export/otlp_retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "export/metric_writer.h"

namespace cw {
namespace {

constexpr std::chrono::seconds kLongestPause{300};
constexpr auto kPassing = std::to_array<int>({429, 502, 503, 504});
constexpr auto kOfGateways = std::to_array<int>({502, 504});  // whose server broke off, or is stuck

// Retry-After (RFC 9110): seconds, or a moment as in "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::chrono::seconds> pause_of(const std::string& text,
                                             std::chrono::system_clock::time_point now) {
  if (text.empty()) return std::nullopt;
  const auto bounded = [](std::int64_t wait) {
    return std::chrono::seconds(std::clamp<std::int64_t>(wait, 0, kLongestPause.count()));
  };
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (read == end && error == std::errc()) return bounded(number);
  if (read == end && error == std::errc::result_out_of_range) return kLongestPause;
  std::tm time{};
  const char* const rest = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  return bounded(timegm(&time) - std::chrono::system_clock::to_time_t(now));
}

using AnswerJson = nlohmann::json;

const AnswerJson* member(const AnswerJson& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// An integer of 64 bits may come as a string, too.
std::uint64_t count_in(const AnswerJson* value) {
  if (value == nullptr) return 0;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  if (!value->is_string()) return 0;
  const auto& text = value->get_ref<const std::string&>();
  std::uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

std::string text_in(const AnswerJson* value) {
  return value != nullptr && value->is_string() ? label_value(value->get_ref<const std::string&>())
                                                : "";
}

}  // namespace

OtlpOutcome outcome_of(const HttpAnswer& answer, std::chrono::system_clock::time_point now) {
  using What = OtlpOutcome::What;
  if (answer.heard == HttpAnswer::Heard::kNothing)
    return {.what = What::kTryAgain,
            .may_be_its_fault = answer.sent,
            .pause = {},
            .reason = answer.problem};
  if (answer.heard == HttpAnswer::Heard::kNonsense)
    return {.what = What::kRefused, .pause = {}, .reason = answer.problem};
  const AnswerJson body = AnswerJson::parse(answer.body, nullptr, false);
  if (answer.status < 200 || answer.status > 299) {
    const std::string message = text_in(member(body, "message"));
    OtlpOutcome outcome{.what = What::kRefused,
                        .pause = {},
                        .reason = fmt::format("HTTP status {}{}{}", answer.status,
                                              message.empty() ? "" : ": ", message)};
    if (std::ranges::find(kPassing, answer.status) == kPassing.end()) return outcome;
    outcome.what = What::kTryAgain;
    outcome.may_be_its_fault = std::ranges::find(kOfGateways, answer.status) != kOfGateways.end();
    outcome.pause = pause_of(answer.retry_after, now);
    return outcome;
  }
  const AnswerJson* const partial = member(body, "partialSuccess");
  if (partial == nullptr) return {};
  const std::uint64_t rejected = count_in(member(*partial, "rejectedDataPoints"));
  if (rejected == 0) return {};
  return {.what = What::kArrived,
          .rejected_points = rejected,
          .pause = {},
          .reason = fmt::format("it refused {} points: {}", rejected,
                                text_in(member(*partial, "errorMessage")))};
}

std::chrono::milliseconds BackOff::next() {
  constexpr unsigned kDoublings = 5;
  const double longest_ms = 1000.0 * (1U << std::min(failures_, kDoublings));
  ++failures_;
  return std::chrono::milliseconds(
      std::lround(std::uniform_real_distribution(longest_ms / 2, longest_ms)(random_)));
}

}  // namespace cw
