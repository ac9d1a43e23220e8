// What it is about, the answer, what the threads did, what the observer cost.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "output/format.h"
#include "output/layout.h"
#include "output/symbol.h"
#include "output/text_parts.h"

namespace cw {
namespace {

constexpr std::string_view kTitle = "contentionwatch   ";
constexpr std::string_view kGap = "   ";
constexpr std::size_t kDateLength = 11;  // "2025-01-31T"
constexpr std::size_t kTimeLength = 8;
constexpr std::size_t kSyscallsShown = 4;
constexpr double kWorthTelling = 0.05;                // threads
constexpr std::string_view kDeadlock = "deadlock: ";  // begins the summary of one
constexpr std::string_view kYellow = "\x1b[1;33m";

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : separator).append(part);
  return text;
}

std::string_view word_for(Level level) {
  if (level == Level::kCulprit) return "CULPRIT";
  return level == Level::kSuspect ? "SUSPECT" : "FINE";
}

std::string_view paint_for(Level level) {
  if (level == Level::kCulprit) return kRed;
  return level == Level::kSuspect ? kYellow : kGreen;
}

// Whom it is about, with as much of what they are as there is room for.
std::string who(const Report& report, std::size_t room) {
  if (report.processes.size() != 1) {
    std::uint64_t threads = 0;
    for (const ProcessReport& process : report.processes) threads += process.threads;
    return fmt::format("{}   {}, {}", report.host,
                       fmt::format("{} process{}", format_count(report.processes.size()),
                                   report.processes.size() == 1 ? "" : "es"),
                       format_plural(threads, "thread"));
  }
  const ProcessReport& process = report.processes.front();
  std::vector<std::string> about = {process.ended ? "ended"
                                                  : format_plural(process.threads, "thread")};
  about.insert(about.end(), process.runtimes.begin(), process.runtimes.end());
  for (const std::string& allocator : process.allocators)
    if (std::ranges::find(about, allocator) == about.end()) about.push_back(allocator);
  std::string text;
  do {
    text = printable(fmt::format("pid {} {}   {}", process.pid, process.comm, joined(about, ", ")));
    about.pop_back();
  } while (columns(text) > room && !about.empty());
  return text;
}

// The time of day tells two reports apart in a log.
std::string when(const Report& report, bool with_start) {
  std::string text = format_duration(report.interval_s * 1e9);
  if (with_start && report.started.size() >= kDateLength + kTimeLength)
    text += fmt::format(" from {}", report.started.substr(kDateLength, kTimeLength));
  if (report.final) text += ", last";
  return printable(text);
}

ThreadsMean sum_of(const std::vector<ProcessReport>& processes) {
  ThreadsMean sum;
  for (const ProcessReport& process : processes) {
    sum.on_cpu += process.threads_mean.on_cpu;
    sum.runnable += process.threads_mean.runnable;
    sum.lock_wait += process.threads_mean.lock_wait;
    sum.idle_wait += process.threads_mean.idle_wait;
    sum.other += process.threads_mean.other;
  }
  return sum;
}

// Where threads sleep that sleep on nothing of ours; empty when hardly any does.
std::string sleeping_text(const std::vector<ProcessReport>& processes) {
  std::map<std::string, double> by_syscall;
  double total = 0;
  for (const ProcessReport& process : processes)
    for (const SleepShare& sleep : process.sleeping_in) {
      by_syscall[sleep.syscall] += sleep.threads_mean;
      total += sleep.threads_mean;
    }
  if (total < kWorthTelling) return {};
  std::vector<std::pair<double, std::string>> sorted;
  sorted.reserve(by_syscall.size());
  for (const auto& [syscall, threads] : by_syscall) sorted.emplace_back(threads, syscall);
  std::ranges::sort(sorted, std::ranges::greater{});
  std::vector<std::string> parts;
  for (const auto& [threads, syscall] : sorted)
    if (parts.size() < kSyscallsShown && threads >= kWorthTelling)
      parts.push_back(fmt::format("{} in {}", format_tenths(threads), syscall));
  return fmt::format("{} threads sleep in system calls: {}", format_tenths(total),
                     joined(parts, ", "));
}

}  // namespace

std::string lost_text(const LossReport& lost) {
  std::vector<std::string> parts;
  const auto add = [&](std::uint64_t count, const char* noun) {
    if (count != 0) parts.push_back(format_plural(count, noun));
  };
  add(lost.waits, "wait");
  add(lost.stacks, "stack");
  add(lost.allocs, "allocation");
  add(lost.events, "event");
  if (lost.map_full != 0)
    parts.push_back(fmt::format("{} refused by a full map", format_count(lost.map_full)));
  if (parts.empty()) return "nothing lost";
  const bool counts_too = lost.waits != 0 || lost.events != 0 || lost.map_full != 0;
  return fmt::format("LOST: {}{}", joined(parts, ", "),
                     counts_too ? ": what stands above is a lower bound" : "");
}

bool exceeds_budget(const Fidelity& fidelity) {
  return fidelity.target_overhead_pct.value_or(0) > fidelity.budget_pct;
}

void write_header(Page& page, const Report& report) {
  const auto room_beside = [&](const std::string& time) {
    const std::size_t taken = kTitle.size() + kGap.size() + columns(time);
    return page.width() - std::min(page.width(), taken);
  };
  std::string time = when(report, true);
  if (columns(who(report, room_beside(time))) > room_beside(time)) time = when(report, false);
  const std::size_t room = room_beside(time);
  page.line(fmt::format("{}{}{}{}", kTitle, cut(who(report, room), room), kGap, time));
}

namespace {

// "71 clerk-1 waits for mutex lock_a in orders::settle, held by 72".
std::string link_text(const DeadlockLink& link, bool with_pid) {
  std::string text =
      fmt::format("{} {}{} waits for {} {}", link.tid, link.comm,
                  with_pid ? fmt::format(" of pid {}", link.pid) : std::string(),
                  name_of(link.kind), link.has_symbol ? short_symbol(link.name) : link.name);
  if (link.stack.own < link.stack.frames.size())
    if (const Frame& frame = link.stack.frames[link.stack.own]; !frame.function.empty())
      text += " in " + short_symbol(frame.function);
  return text + fmt::format(", held by {}", link.held_by);
}

void write_deadlocks(Page& page, const Report& report) {
  page.labelled("DEADLOCK", report.verdict.summary.substr(kDeadlock.size()), kRed);
  for (const Deadlock& deadlock : report.deadlocks) {
    std::uint64_t shortest = ~std::uint64_t{0};
    bool at_least = false;
    for (const DeadlockLink& link : deadlock.cycle) {
      shortest = std::min(shortest, link.waiting_ns);
      at_least = at_least || link.at_least;
      page.labelled("", link_text(link, report.processes.size() > 1));
    }
    page.labelled("", fmt::format("for {}{}", at_least ? "at least " : "",
                                  format_duration(static_cast<double>(shortest))));
  }
}

// What the target pays.
std::string target_cost_text(const Fidelity& fidelity) {
  const double all = fidelity.target_overhead_pct.value_or(0);
  const double counting = fidelity.counting_overhead_pct.value_or(0);
  const std::string budget = format_share(fidelity.budget_pct / 100);
  if (!exceeds_budget(fidelity))
    return fmt::format("{} of the target's CPU (budget {}), ", format_share(all / 100), budget);
  std::string rest =
      fmt::format("stacks {}", format_share(fidelity.stacks_overhead_pct.value_or(0) / 100));
  const auto add = [&](std::optional<double> percent, const char* what) {
    if (percent) rest += fmt::format(", probes on {} {}", what, format_share(*percent / 100));
  };
  add(fidelity.alloc_overhead_pct, "allocators");
  add(fidelity.sections_overhead_pct, "locks");
  add(fidelity.goroutines_overhead_pct, "goroutines");
  return fmt::format("{} of the target's CPU for counting waits, {} for all else (budget {}: {}), ",
                     format_share(counting / 100), format_share((all - counting) / 100), budget,
                     rest);
}

}  // namespace

Answer answer_of(const Report& report) {
  const Verdict& verdict = report.verdict;
  const bool fine = verdict.level == Level::kFine;
  Answer answer{
      .summary = verdict.summary, .arithmetic = verdict.arithmetic, .advice = verdict.advice};
  if (fine && answer.advice.empty()) answer.summary += ": look elsewhere";
  if (fine || !answer.arithmetic.empty() || report.locks.empty()) return answer;
  answer.arithmetic = report.locks.front().arithmetic;
  answer.advice = report.locks.front().advice;
  return answer;
}

void write_verdict(Page& page, const Report& report) {
  const Verdict& verdict = report.verdict;
  const Answer answer = answer_of(report);
  if (report.deadlocks.empty()) {
    page.labelled(word_for(verdict.level), answer.summary, paint_for(verdict.level));
    page.labelled("", answer.arithmetic);
  } else {
    write_deadlocks(page, report);
  }
  for (std::size_t i = 0; i < answer.advice.size(); ++i)
    page.labelled(i == 0 ? "   next" : "", answer.advice[i]);
  const std::vector<std::string>& innocent = verdict.cleared;
  for (std::size_t i = 0; i < innocent.size(); ++i)
    page.labelled(i == 0 ? "cleared" : "", innocent[i]);
  page.labelled("not seen", joined(verdict.not_seen, "; "));
}

void write_threads(Page& page, const Report& report) {
  if (report.processes.empty()) return;
  const ThreadsMean mean = sum_of(report.processes);
  page.line(fmt::format("threads   {} on CPU   {} runnable   {} on locks   {} idle   {} other",
                        format_tenths(mean.on_cpu), format_tenths(mean.runnable),
                        format_tenths(mean.lock_wait), format_tenths(mean.idle_wait),
                        format_tenths(mean.other)));
  page.labelled("", sleeping_text(report.processes));
}

void write_observer(Page& page, const Fidelity& fidelity) {
  const std::string own = format_share(fidelity.self_cpu_pct / 100) + " of a core itself";
  page.labelled("observer",
                (fidelity.target_overhead_pct ? target_cost_text(fidelity) : std::string()) + own);
  std::vector<std::string> stacks;
  if (fidelity.stacks_complete_share)
    stacks.push_back(fmt::format("complete {}", format_share(*fidelity.stacks_complete_share)));
  if (fidelity.stacks_sampled_share < 1)
    stacks.push_back(
        fmt::format("taken for {} of the waits", format_share(fidelity.stacks_sampled_share)));
  if (fidelity.stacks_sampled_share < 1 && fidelity.stacks_overhead_pct &&
      !exceeds_budget(fidelity))
    stacks.push_back(
        fmt::format("at {} of its CPU", format_share(*fidelity.stacks_overhead_pct / 100)));
  page.labelled("", (stacks.empty() ? "" : "stacks " + joined(stacks, ", ") + ", ") +
                        lost_text(fidelity.lost));
}

}  // namespace cw
