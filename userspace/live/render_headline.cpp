// What it is about, the answer with its sum, what the threads do, what the observer costs.
#include <fmt/format.h>

#include <algorithm>

#include "live/bars.h"
#include "live/glyphs.h"
#include "live/pane.h"
#include "live/render_parts.h"
#include "output/format.h"
#include "output/layout.h"
#include "output/text_parts.h"

namespace cw::live {
namespace {

constexpr std::size_t kDateLength = 10;  // "2025-01-31", before a "T"
constexpr std::size_t kYearLength = 5;   // "2025-"
constexpr std::size_t kTimeLength = 8;

constexpr std::size_t kLongestHost = 20;

// Whose the report is: what stands before who().
std::string origin(const Model& model, bool roomy) {
  if (model.recorded) return "recording of " + cut(printable(model.shown().host), kLongestHost);
  return roomy ? "contentionwatch" : "";
}

// With as much of what it is as there is room for.
std::string who(const Model& model, std::size_t room) {
  const Report& report = model.shown();
  if (report.processes.size() == 1) {
    const ProcessReport& process = report.processes.front();
    std::string text = fmt::format("pid {} {}", process.pid, process.comm);
    std::vector<std::string> more = {
        "   " + (process.ended ? "ended" : format_plural(process.threads, "thread"))};
    for (const std::string& runtime : process.runtimes) more.push_back(", " + runtime);
    for (const std::string& part : more) {
      if (columns(printable(text)) + columns(printable(part)) > room) break;
      text += part;
    }
    return text;
  }
  std::uint64_t threads = 0;
  for (const ProcessReport& process : report.processes) threads += process.threads;
  const std::size_t count = report.processes.size();
  return fmt::format("{}{} process{}, {}", model.recorded ? "" : report.host + "   ",
                     format_count(count), count == 1 ? "" : "es", format_plural(threads, "thread"));
}

// A recording may be of any day.
std::string when(const Model& model, bool roomy) {
  const Report& report = model.shown();
  std::string text;
  if (report.started.size() > kDateLength + kTimeLength) {
    const std::size_t year = roomy ? 0 : kYearLength;
    if (model.recorded) text = report.started.substr(year, kDateLength - year) + " ";
    text += report.started.substr(kDateLength + 1, kTimeLength) + "Z";
  }
  if (model.recorded && !roomy) return text;
  return text + (report.interval_s < 100 ? fmt::format("  {:.1f} s", report.interval_s)
                                         : "  " + format_duration(report.interval_s * 1e9));
}

const ProcessReport* process_of(const Report& report, std::int32_t pid) {
  const auto found = std::ranges::find(report.processes, pid, &ProcessReport::pid);
  return found == report.processes.end() ? nullptr : &*found;
}

std::string_view word_for(const Report& report) {
  if (!report.deadlocks.empty()) return "DEADLOCK";
  if (report.verdict.level == Level::kCulprit) return "CULPRIT";
  return report.verdict.level == Level::kSuspect ? "SUSPECT" : "FINE";
}

std::vector<Line> verdict_lines(const Report& report, std::size_t width) {
  const Verdict& verdict = report.verdict;
  const Answer answer = answer_of(report);
  std::vector<Line> lines;
  add_labelled(lines, word_for(report), answer.summary, width, style_of(verdict.level));
  add_labelled(lines, "", answer.arithmetic, width);
  for (std::size_t i = 0; i < answer.advice.size(); ++i)
    add_labelled(lines, i == 0 ? "next" : "", answer.advice[i], width);
  for (std::size_t i = 0; i < verdict.cleared.size(); ++i)
    add_labelled(lines, i == 0 ? "cleared" : "", verdict.cleared[i], width);
  add_labelled(lines, "not seen", fmt::format("{}", fmt::join(verdict.not_seen, "; ")), width);
  return lines;
}

ThreadsMean sum_of(const Report& report, std::optional<std::int32_t> pid) {
  ThreadsMean sum;
  for (const ProcessReport& process : report.processes) {
    if (pid && process.pid != *pid) continue;
    for (const ThreadState& state : thread_states())
      sum.*state.mean += process.threads_mean.*state.mean;
  }
  return sum;
}

// "C 1.9 on CPU  r 0.3 runnable", each with the bar's glyph.
Line legend(const ThreadsMean& mean, const char* ThreadState::* name, const char* gap,
            Charset charset) {
  Line line;
  for (const ThreadState& state : thread_states()) {
    line.push_back(
        {.text = charset == Charset::kUtf8 ? state.glyph : state.ascii, .style = state.style});
    line.push_back(
        {.text = fmt::format(" {} {}{}", format_tenths(mean.*state.mean), state.*name, gap),
         .style = Style::kPlain});
  }
  return line;
}

std::size_t columns_of(const Line& line) {
  std::size_t total = 0;
  for (const Span& span : line) total += live::columns_of(glyphs_of(span.text));
  return total;
}

}  // namespace

Style style_of(Level level) {
  if (level == Level::kFine) return Style::kFine;
  return level == Level::kSuspect ? Style::kSuspect : Style::kCulprit;
}

void draw_title(Canvas& canvas, const Model& model) {
  const std::size_t width = canvas.size().width;
  if (model.history.empty()) {
    canvas.put(1, 0, "contentionwatch", Style::kTitle);
    return;
  }
  const bool roomy = width >= kRoomy;
  const std::string time = when(model, roomy);
  const std::string first = origin(model, roomy);
  const std::size_t x = first.empty() ? 1 : canvas.put(1, 0, first, Style::kTitle) + 3;
  const std::size_t end = width - std::min(width, time.size() + 3);
  const std::size_t room = end - std::min(end, x);
  std::string about = who(model, room);
  if (model.process) {
    const ProcessReport* const process = process_of(model.shown(), *model.process);
    about = fmt::format("only pid {} {} (Esc: all)", *model.process,
                        process == nullptr ? "not in this interval" : process->comm);
  }
  canvas.put(x, 0, about, first.empty() ? Style::kTitle : Style::kPlain, room);
  canvas.put_right(end, 0, time, Style::kFaint, time.size() + 2);
}

void draw_verdict(Canvas& canvas, const Report& report, const Plan& plan, std::size_t room) {
  const std::vector<Line> lines = verdict_lines(report, canvas.size().width - 2);
  for (std::size_t i = 0; i < std::min(room, lines.size()); ++i)
    canvas.put(1, plan.verdict_y + i, lines[i]);
  if (lines.size() > room && room > 1)
    canvas.put_right(1, plan.verdict_y + room - 1, "  v: more", Style::kFaint,
                     canvas.size().width - 2);
}

void draw_threads(Canvas& canvas, const Model& model, const Plan& plan) {
  const Report& report = model.shown();
  const ThreadsMean mean = sum_of(report, model.process);
  const std::size_t width = canvas.size().width - 2;
  const std::size_t y = plan.threads_y + plan.threads_lines - 1;
  if (plan.threads_lines == 2) {
    canvas.put(1, y - 1, pad("threads", kMargin), Style::kLabel);
    canvas.put(1 + kMargin, y - 1, thread_bar(mean, width - kMargin, canvas.charset()));
  }
  const std::size_t x = plan.threads_lines == 2 ? 1 + kMargin : 1;
  const Line full = legend(mean, &ThreadState::name, "  ", canvas.charset());
  const bool fits = x + columns_of(full) <= 1 + width;
  canvas.put(x, y, fits ? full : legend(mean, &ThreadState::short_name, " ", canvas.charset()));
}

void draw_observer(Canvas& canvas, const Report& report, std::size_t y) {
  const Fidelity& fidelity = report.fidelity;
  std::string text = "observer  ";
  const double all = fidelity.target_overhead_pct.value_or(0);
  const double counting = fidelity.counting_overhead_pct.value_or(0);
  if (exceeds_budget(fidelity))
    text += fmt::format("counting {}, else {} (budget {:g} %); ", format_share(counting / 100),
                        format_share((all - counting) / 100), fidelity.budget_pct);
  else if (fidelity.target_overhead_pct)
    text += fmt::format("{} of the target's CPU (budget {:g} %), ", format_share(all / 100),
                        fidelity.budget_pct);
  text += fmt::format("{} of a core; ", format_share(fidelity.self_cpu_pct / 100));
  const std::string lost = lost_text(fidelity.lost);
  const std::size_t x = canvas.put(1, y, text, Style::kFaint);
  canvas.put(x, y, lost, lost.starts_with("LOST") ? Style::kSuspect : Style::kFaint);
}

}  // namespace cw::live
