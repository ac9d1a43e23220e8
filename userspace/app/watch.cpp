#include "app/watch.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "app/observer.h"
#include "app/outputs.h"
#include "app/rights.h"
#include "app/waker.h"

namespace cw {
namespace {

using Clock = Waker::Clock;

constexpr int kLooksAnInterval = 4;
constexpr double kLongestStep = 1;  // seconds between two looks

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

// Any row of the live view can be opened: more of them are named, with their stacks.
Settings observed_by(Settings settings) {
  constexpr std::size_t kRowsOfLiveView = 40;
  if (settings.format == Format::kTui) settings.top_n = std::max(settings.top_n, kRowsOfLiveView);
  return settings;
}

// When the next report is due. One that we were held up too long for is left out, not made up for.
Clock::time_point next_on_grid(Clock::time_point begin, Clock::time_point last,
                               Clock::duration step) {
  const auto number = std::max((last - begin) / step, (Clock::now() - begin) / step) + 1;
  return begin + number * step;
}

// Sleeps until then, or until the last process is gone: then true. The processes that were named
// may have left descendants that are watched too.
Result<bool> all_end_before(Clock::time_point moment, Observer& observer, Waker& waker) {
  for (;;) {
    waker.sleep_until(moment);
    if (!waker.all_ended()) return false;
    if (auto looked = observer.look(); !looked) return std::unexpected(looked.error());
    std::vector<std::int32_t> left;
    for (const KnownProcess& process : observer.processes()) left.push_back(process.pid);
    waker.follow(left);
    if (waker.all_ended()) return true;
  }
}

// The processes that were named ended while we attached.
bool saw_nothing(const Settings& settings, const Report& report) {
  return !settings.pids.empty() && report.interval == 1 && report.processes.empty() &&
         report.locks.empty();
}

}  // namespace

Result<Exit> watch(const Settings& settings) {
  auto outputs = Outputs::open(settings, settings.run());
  if (!outputs) return std::unexpected(outputs.error());
  Waker waker(outputs->quit_fd());
  if (!settings.pids.empty()) waker.follow(settings.pids);
  auto observer = Observer::start(observed_by(settings));
  if (!observer) return std::unexpected(observer.error());
  const auto rights_kept = drop_rights();
  if (!rights_kept) return std::unexpected(rights_kept.error());
  if (auto started = outputs->start(); !started) return std::unexpected(started.error());

  const Clock::time_point begin = Clock::now();
  std::optional<Clock::time_point> end;
  if (settings.duration_s) end = begin + seconds(*settings.duration_s);
  const Clock::duration step =
      seconds(std::min(kLongestStep, settings.interval_s / kLooksAnInterval));
  Level worst = Level::kFine;
  Clock::time_point due = begin;
  for (;;) {
    Clock::time_point look = due + step;
    due = next_on_grid(begin, due, seconds(settings.interval_s));
    if (end) due = std::min(due, *end);
    for (; look < due - step / 2; look += step) {
      if (Clock::now() > look + step) continue;  // we were held up
      waker.sleep_until(look);
      if (auto looked = (*observer)->look(); !looked) return std::unexpected(looked.error());
    }
    const auto ended = all_end_before(due, **observer, waker);
    if (!ended) return std::unexpected(ended.error());
    const bool final = waker.stopped() || *ended || (end && due == *end);
    auto report = (*observer)->report(final);
    if (!report) return std::unexpected(report.error());
    if (*ended && saw_nothing(settings, *report))
      return fail(Exit::kNoProcess, fmt::format("pid {}: ended before anything was seen",
                                                fmt::join(settings.pids, ", ")));
    report->fidelity.rights_kept = *rights_kept;
    if (std::ranges::find(report->fidelity.hooks, "uprobe") != report->fidelity.hooks.end())
      report->fidelity.rights_kept.emplace_back("CAP_SYS_ADMIN");  // of the thread that attaches
    worst = std::max(worst, report->verdict.level);
    if (auto written = outputs->write(std::move(*report)); !written)
      return std::unexpected(written.error());
    if (final) break;
  }
  return settings.fail_on && worst >= *settings.fail_on ? Exit::kVerdict : Exit::kDone;
}

}  // namespace cw
