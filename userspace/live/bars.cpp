#include "live/bars.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace cw::live {
namespace {

constexpr std::array<std::string_view, 8> kSparks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 8> kAsciiSparks = {"_", ".", ":", "-", "=", "+", "*", "#"};
constexpr std::array<std::string_view, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

constexpr double kWorthShowing = 0.05;  // threads: what reads 0.1 has a column of the bar

constexpr std::array<ThreadState, 5> kStates = {{
    {"on CPU", "CPU", Style::kOnCpu, "█", "C", &ThreadsMean::on_cpu},
    {"runnable", "runnable", Style::kRunnable, "▓", "r", &ThreadsMean::runnable},
    {"on locks", "locks", Style::kOnLocks, "▒", "L", &ThreadsMean::lock_wait},
    {"idle", "idle", Style::kIdle, "░", ".", &ThreadsMean::idle_wait},
    {"other", "other", Style::kOther, "·", "-", &ThreadsMean::other},
}};

double sane(double value) {
  return std::isfinite(value) && value > 0 ? value : 0;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

std::string sparkline(std::span<const float> values, double low, double high, Charset charset) {
  const auto& sparks = charset == Charset::kUtf8 ? kSparks : kAsciiSparks;
  std::string line;
  for (const float value : values) {
    if (std::isnan(value)) {
      line += ' ';
      continue;
    }
    const double share = high > low ? std::clamp((value - low) / (high - low), 0.0, 1.0) : 0;
    // What is above the lowest is seen to be.
    const double step = std::ceil(share * static_cast<double>(sparks.size() - 1));
    line += sparks.at(static_cast<std::size_t>(step));
  }
  return line;
}

std::string bar(double share, std::size_t room, Charset charset) {
  const double filled = std::clamp(sane(share), 0.0, 1.0) * static_cast<double>(room);
  auto whole = static_cast<std::size_t>(filled);
  if (charset == Charset::kAscii) {
    whole = static_cast<std::size_t>(std::lround(filled));
    return repeated("#", share > 0 ? std::max<std::size_t>(whole, 1) : 0);
  }
  const auto eighth = static_cast<std::size_t>((filled - static_cast<double>(whole)) * 8);
  const std::string text = repeated(kSparks.back(), whole) + std::string(kEighths.at(eighth));
  return text.empty() && share > 0 ? std::string(kEighths[1]) : text;
}

std::span<const ThreadState> thread_states() {
  return kStates;
}

Line thread_bar(const ThreadsMean& mean, std::size_t room, Charset charset) {
  double total = 0;
  for (const ThreadState& state : kStates) total += sane(mean.*state.mean);
  if (total <= 0) return {};
  std::array<std::size_t, kStates.size()> columns{};
  std::size_t used = 0;
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    const double threads = sane(mean.*kStates[i].mean);
    const auto share =
        static_cast<std::size_t>(std::lround(threads / total * static_cast<double>(room)));
    columns[i] = threads >= kWorthShowing ? std::max<std::size_t>(share, 1) : share;
    used += columns[i];
  }
  // What rounding made too much or too little is the widest one's.
  auto& widest = *std::ranges::max_element(columns);
  widest = used > room ? widest - std::min(widest, used - room) : widest + (room - used);
  Line line;
  for (std::size_t i = 0; i < kStates.size(); ++i)
    line.push_back(
        {.text =
             repeated(charset == Charset::kUtf8 ? kStates[i].glyph : kStates[i].ascii, columns[i]),
         .style = kStates[i].style});
  return line;
}

}  // namespace cw::live
