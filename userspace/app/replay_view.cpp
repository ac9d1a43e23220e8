#include "app/replay_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "app/recording_file.h"
#include "export/report_time.h"

namespace cw {
namespace {

constexpr auto kOften = std::chrono::milliseconds(200);  // for what changes while one reads

double seconds_between(const Report& first, const Report& last) {
  return static_cast<double>(time_of(last).ended_ns - time_of(first).began_ns) / 1e9;
}

}  // namespace

Result<std::unique_ptr<ReplayView>> ReplayView::open(const Settings& settings,
                                                     const Outputs& outputs, const Report& first) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(settings.recording, error))
    return fail(Exit::kFailed,
                fmt::format("{} comes only once, and the live view goes back and forth: save it in "
                            "a file, or replay it as text",
                            settings.recording));
  auto reader = open_recording(settings.recording);
  if (!reader) return std::unexpected(reader.error());
  std::unique_ptr<ReplayView> view(new ReplayView(settings.recording));
  view->needs_all_ = outputs.write_files() || settings.fail_on;
  if (auto shown = view->show(RandomAccessReader(std::move(*reader)), settings, first); !shown)
    return std::unexpected(shown.error());
  return view;
}

Result<void> ReplayView::show(RandomAccessReader recording, const Settings& settings,
                              const Report& first) {
  reports_ = recording.count();
  if (reports_ == 0) return fail(Exit::kFailed, name_ + " was changed while it was read");
  live::Recorded recorded{.reports = reports_, .wanted = reports_};
  double seconds_before = 0;
  bool is_whole = false;
  for (std::uint64_t number = std::max<std::uint64_t>(reports_, 2) - 1; number <= reports_;
       ++number) {
    const auto report = recording.at(number);
    if (!report) return std::unexpected(report.error());
    if (is_cut_short(*report, seconds_before)) recorded.wanted = number - 1;
    seconds_before = report->interval_s;
    recorded.last_interval = report->interval;
    recorded.seconds = seconds_between(first, *report);
    is_whole = report->final && !recording.is_damaged();
    live_.farewell().set_last(*report);
  }
  needs_all_ = needs_all_ || !is_whole;
  const bool colours = wants_color(settings.color);
  if (auto started =
          live_.start({.colours = colours ? live::Colours::kAsTerminal : live::Colours::kNone,
                       .awaited = "reading " + name_});
      !started)
    return started;
  live_.show([recorded, recording = std::move(recording)](live::LiveView& view) mutable {
    view.show(recorded, [recording = std::move(recording)](std::uint64_t number) mutable {
      return recording.at(number);
    });
  });
  return {};
}

void ReplayView::note(const Report& report) {
  if (++noted_ > reports_) return;  // still being recorded
  if (!live_.farewell().consider(report)) return;
  worst_ = {.number = noted_, .interval = report.interval};
  if (Waker::Clock::now() > shown_ + kOften) show_worst();
}

void ReplayView::show_worst() {
  shown_ = Waker::Clock::now();
  live_.show([worst = worst_](live::LiveView& view) { view.show(worst); });
}

void ReplayView::note_end(const std::string& missing) {
  worst_.is_certain = true;
  show_worst();
  if (!missing.empty()) live_.show([missing](live::LiveView& view) { view.say(missing); });
}

bool ReplayView::is_closed() {
  user_.look();
  if (user_.stopped()) live_.end();
  return user_.stopped();
}

bool ReplayView::reads_on() {
  if (!is_closed()) return true;
  if (!needs_all_) return false;
  signals_.look();
  if (signals_.stopped())
    fmt::print(stderr, "contentionwatch: {} was not read to its end; what is written has no more\n",
               name_);
  else if (!std::exchange(is_said_, true))
    fmt::print(stderr, "contentionwatch: reading the rest of {}; Ctrl-C stops it\n", name_);
  return !signals_.stopped();
}

void ReplayView::wait() {
  while (!is_closed()) user_.sleep_until(Waker::Clock::now() + std::chrono::hours(1));
}

}  // namespace cw
