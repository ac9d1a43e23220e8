// The detail of one lock: how long the waits are, who waits and who lets go.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <ranges>

#include "output/format.h"
#include "output/layout.h"
#include "output/symbol.h"
#include "output/text_parts.h"

namespace cw {
namespace {

constexpr std::size_t kStacksShown = 3;  // a side

constexpr std::size_t kPidsShown = 3;
constexpr std::array kShades = {'.', ':', '|', '#'};

std::string function_name(const Frame& frame) {
  if (!frame.function.empty()) return printable(short_symbol(frame.function));
  if (frame.module.empty()) return "[unknown code]";
  return printable(fmt::format("{}+{:#x}", frame.module, frame.offset));
}

// The function at the left, where it is at the right, if there is room for most of both.
std::string frame_cell(const Frame& frame, std::size_t width) {
  const std::string place = printable(source_line(frame));
  const std::string function = function_name(frame);
  const bool fits = columns(place) + 2 <= width / 2 || columns(place) + columns(function) < width;
  if (place.empty() || !fits) return cut_front(function, width);
  const std::size_t room = width - columns(place) - 1;
  return pad(cut_front(function, room), room) + " " + place;
}

std::vector<std::string> stack_cells(const std::string& share, const std::string& mode,
                                     const Stack& stack, std::size_t width) {
  const std::string first = pad(pad_left(share, kShare - 1), kShare);
  const std::string next(kShare, ' ');
  std::vector<std::string> cells;
  const auto add = [&](const std::string& text) {
    cells.push_back((cells.empty() ? first : next) + text);
  };
  if (!mode.empty()) add("(" + mode + ")");
  if (stack.frames.empty()) {
    add("(no stack)");
    return cells;
  }
  const std::size_t end = std::min(stack.frames.size(), stack.own + kFramesShown);
  for (std::size_t i = stack.own; i < end; ++i) add(frame_cell(stack.frames[i], width - kShare));
  if (!stack.complete) add("...");
  return cells;
}

void append(std::vector<std::string>& cells, const std::vector<std::string>& more) {
  cells.insert(cells.end(), more.begin(), more.end());
}

std::string more_stacks(std::size_t total) {
  return fmt::format("{:{}}{} more", "", kShare, format_plural(total - kStacksShown, "stack"));
}

std::vector<std::string> waiter_cells(const LockReport& lock, std::size_t width) {
  std::vector<std::string> cells;
  for (std::size_t i = 0; i < std::min(lock.waiters.size(), kStacksShown); ++i)
    append(cells,
           stack_cells(format_share(lock.waiters[i].share),
                       lock.waiters[i].mode.value_or(std::string()), lock.waiters[i].stack, width));
  if (lock.waiters.size() > kStacksShown) cells.push_back(more_stacks(lock.waiters.size()));
  return cells;
}

std::vector<std::string> releaser_cells(const LockReport& lock, std::size_t width) {
  std::vector<std::string> cells;
  for (std::size_t i = 0; i < std::min(lock.releasers.size(), kStacksShown); ++i)
    append(cells,
           stack_cells(format_share(lock.releasers[i].share), {}, lock.releasers[i].stack, width));
  if (lock.releasers.size() > kStacksShown) cells.push_back(more_stacks(lock.releasers.size()));
  if (lock.releasers.empty())
    cells.push_back(std::string(kShare, ' ') + "no wake seen in this interval");
  return cells;
}

bool any_incomplete(const LockReport& lock) {
  const auto incomplete = [](const auto& row) {
    return !row.stack.complete && !row.stack.frames.empty();
  };
  return std::ranges::any_of(lock.waiters | std::views::take(kStacksShown), incomplete) ||
         std::ranges::any_of(lock.releasers | std::views::take(kStacksShown), incomplete);
}

void write_columns(Page& page, const LockReport& lock) {
  const std::size_t width = (page.width() - kIndent - 2) / 2;
  const std::vector<std::string> left = waiter_cells(lock, width);
  const std::vector<std::string> right = releaser_cells(lock, width);
  if (lock.waiters.empty()) return;
  page.line(pad("", kIndent) + pad("waiting in", width + 2) + "let go in");
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i)
    page.line(pad("", kIndent) + pad(i < left.size() ? left[i] : "", width + 2) +
              (i < right.size() ? right[i] : ""));
  if (any_incomplete(lock))
    page.indented(kIndent, "...: the stack goes on, but could not be followed");
  if (!lock.releasers.empty() && lock.unattributed_share >= 0.05)
    page.indented(kIndent, fmt::format("{} of the waiting has no wake to charge it to",
                                       format_share(lock.unattributed_share)));
}

// One character for each doubling of the duration, darker for more waits.
std::string sparkline(const Histogram& histogram) {
  std::map<std::uint32_t, std::uint64_t> octaves;
  std::uint64_t most = 0;
  for (const auto& [bucket, count] : histogram.buckets())
    most = std::max(most, octaves[bucket / kSubBuckets] += count);
  if (octaves.size() < 2) return {};
  std::string line;
  for (std::uint32_t i = octaves.begin()->first; i <= octaves.rbegin()->first; ++i) {
    const std::uint64_t count = octaves.contains(i) ? octaves[i] : 0;
    const double shade = static_cast<double>(count) / static_cast<double>(most);
    const auto index = static_cast<std::size_t>(shade * static_cast<double>(kShades.size() - 1));
    line += count == 0 ? ' ' : kShades.at(index);
  }
  return line;
}

void write_durations(Page& page, const LockReport& lock) {
  const Histogram& waits = lock.wait.histogram;
  if (waits.empty()) return;
  const auto at = [&](double share) {
    return format_duration(static_cast<double>(waits.percentile(share)));
  };
  const std::string line = sparkline(waits);
  page.line(fmt::format("{:{}}wait  p50 {}  p90 {}  p99 {}  max {}{}", "", kIndent, at(0.50),
                        at(0.90), at(0.99), format_duration(static_cast<double>(waits.max())),
                        line.empty() ? "" : "   [" + line + "]"));
}

// Outcomes that say something: a plain wake says nothing.
std::string outcomes(const LockReport& lock) {
  std::string text;
  const auto add = [&](std::uint64_t count, const char* what) {
    if (count != 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", format_count(count), what);
  };
  add(lock.in_progress, "in progress");
  add(lock.timed_out, "timed out");
  add(lock.interrupted, "interrupted");
  add(lock.failed, "refused by the kernel");
  add(lock.waits_at_least, "began before we looked: longer than counted");
  return text.empty() ? text : "waits: " + text;
}

std::string pids_text(const LockReport& lock) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lock.pids.size(), kPidsShown); ++i)
    text += fmt::format("{}{}", i == 0 ? (lock.pids.size() == 1 ? "pid " : "pids ") : ", ",
                        lock.pids[i]);
  if (lock.pids.size() > kPidsShown)
    text += fmt::format(" and {} more", lock.pids.size() - kPidsShown);
  return text;
}

}  // namespace

void write_lock(Page& page, const LockReport& lock, std::size_t number) {
  page.blank();
  const std::string name =
      fmt::format("{} {} {}", number, name_of(lock.kind), cut_front(shown_name(lock), 40));
  std::string about = fmt::format("{} {}", lock.comm, pids_text(lock));
  if (lock.objects > 1) about += fmt::format("   {} of them", format_count(lock.objects));
  if (lock.object != lock.name) about += "   " + lock.object;
  page.line(name + "   " + printable(about));
  if (lock.owner)
    page.indented(kIndent, fmt::format("owner now: tid {} {}", lock.owner->tid, lock.owner->comm));
  // The first one's sum is in the verdict.
  if (number > 1) page.indented(kIndent, lock.arithmetic);
  if (number > 1)
    for (const std::string& advice : lock.advice) page.indented(kIndent, "next: " + advice);
  write_durations(page, lock);
  if (const std::string text = outcomes(lock); !text.empty()) page.indented(kIndent, text);
  write_columns(page, lock);
  write_sections(page, lock);
  write_explanation(page, lock.explanation);
}

}  // namespace cw
