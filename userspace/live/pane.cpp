#include "live/pane.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "live/bars.h"
#include "live/keys.h"
#include "live/selection.h"
#include "output/format.h"
#include "output/layout.h"
#include "output/text.h"

namespace cw::live {
namespace {

constexpr std::size_t kKeys = 17;  // columns of the help's first column

std::vector<Line> help_lines() {
  std::vector<Line> lines;
  for (const auto& [keys, what] : key_help())
    lines.push_back({{.text = pad(keys, kKeys), .style = Style::kAccent},
                     {.text = std::string(what), .style = Style::kPlain}});
  return lines;
}

std::vector<Line> report_lines(const Report& report, std::size_t width) {
  const std::string text =
      to_text(report, {.color = false, .width = width, .top_n = 20, .with_waits = true});
  std::vector<Line> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back({{.text = text.substr(at, end - at), .style = Style::kPlain}});
    at = end + 1;
  }
  return lines;
}

// The row's figure over all the intervals there is room for.
void add_trend(std::vector<Line>& lines, const Model& model, const Table& table, RowId id,
               std::size_t width) {
  const std::size_t room = std::min<std::size_t>(width - kMargin - 20, Trends::kIntervals);
  const std::vector<float> values = model.trends.of(id, model.shown_number(), room);
  float most = 0;
  std::size_t known = 0;
  for (const float value : values)
    if (value == value) {  // not NaN
      most = std::max(most, value);
      ++known;
    }
  if (known < 2) return;
  const std::string top = model.tab == Tab::kMemory ? format_bytes(most) : format_rate(most);
  lines.push_back(
      {{.text = pad("trend", kMargin), .style = Style::kLabel},
       {.text = sparkline({values.end() - static_cast<std::ptrdiff_t>(known), values.end()}, 0,
                          std::max<double>(most, table.trend_top()), model.charset),
        .style = Style::kTrend},
       {.text = "  at most " + top, .style = Style::kFaint}});
}

std::vector<Line> row_lines(const Model& model, std::size_t width) {
  const auto row = selected_row(model);
  const Report& report = model.shown();
  const Width room{.columns = width, .charset = model.charset};
  if (!row)
    return {{{.text = "not in this interval: nobody waited for it, or it was too little to list",
              .style = Style::kFaint}}};
  std::vector<Line> lines;
  switch (model.tab) {
    case Tab::kLocks:
      lines = lock_lines(report.locks[*row], room);
      break;
    case Tab::kIdleWaits:
      lines = lock_lines(report.waits[*row], room);
      break;
    case Tab::kAllocations:
      lines = allocation_lines(report, *row, room);
      break;
    case Tab::kMemory:
      lines = memory_lines(report.memory[*row], room);
      break;
    case Tab::kProcesses:
      break;  // its pane is the table of its locks
  }
  const auto table = table_of(report, model.tab);
  std::vector<Line> trend;
  add_trend(trend, model, *table, table->id(*row), width);
  lines.insert(lines.begin() + (lines.empty() ? 0 : 1), trend.begin(), trend.end());
  return lines;
}

std::vector<Line> process_preview(const ProcessReport& process, std::size_t width) {
  std::vector<Line> lines;
  add_labelled(lines, "program", process.exe, width);
  add_labelled(lines, "cgroup", process.cgroup, width);
  std::string sleeps;
  for (const SleepShare& sleep : process.sleeping_in)
    sleeps += fmt::format("{}{} in {}", sleeps.empty() ? "" : ", ",
                          format_tenths(sleep.threads_mean), sleep.syscall);
  if (!sleeps.empty()) add_labelled(lines, "asleep", sleeps, width);
  return lines;
}

}  // namespace

std::vector<Line> preview_lines(const Model& model, std::size_t width) {
  const auto row = selected_row(model);
  if (!row) return {};
  const Report& report = model.shown();
  switch (model.tab) {
    case Tab::kLocks:
      return lock_preview(report.locks[*row], width);
    case Tab::kIdleWaits:
      return lock_preview(report.waits[*row], width);
    case Tab::kProcesses:
      return process_preview(report.processes[*row], width);
    case Tab::kAllocations:
      return allocation_lines(report, *row, {.columns = width, .charset = model.charset});
    case Tab::kMemory:
      return memory_lines(report.memory[*row], {.columns = width, .charset = model.charset});
  }
  return {};
}

std::vector<Line> pane_lines(const Model& model, std::size_t width) {
  switch (model.pane) {
    case Pane::kTable:
      return {};
    case Pane::kHelp:
      return help_lines();
    case Pane::kReport:
      return model.history.empty() ? std::vector<Line>{} : report_lines(model.shown(), width);
    case Pane::kRow:
      return model.history.empty() ? std::vector<Line>{} : row_lines(model, width);
  }
  return {};
}

}  // namespace cw::live
