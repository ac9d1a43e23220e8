// All that is known of one lock.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "live/glyphs.h"
#include "live/pane.h"
#include "live/render_parts.h"
#include "output/format.h"
#include "output/layout.h"
#include "output/symbol.h"

namespace cw::live {
namespace {

constexpr std::size_t kSideBySide = 110;  // columns from which on waiters and releasers stand so
constexpr std::size_t kPids = 6;

std::string pids_text(const LockReport& lock) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lock.pids.size(), kPids); ++i)
    text += fmt::format("{}{}", i == 0 ? (lock.pids.size() == 1 ? " pid " : " pids ") : ", ",
                        lock.pids[i]);
  if (lock.pids.size() > kPids) text += fmt::format(" and {} more", lock.pids.size() - kPids);
  return text;
}

// What it is and where.
Line title(const LockReport& lock, std::size_t width) {
  const std::string name = printable(fmt::format(
      "{} {}", cw::name_of(lock.kind), lock.has_symbol ? short_symbol(lock.name) : lock.name));
  std::string about = "   " + lock.comm + pids_text(lock);
  if (lock.objects > 1) about += fmt::format("   {} of them", format_count(lock.objects));
  if (lock.object != lock.name) about += "   " + lock.object;
  const std::string safe = printable(about);
  const std::size_t room = width - std::min(width / 2, columns(safe));
  return {{.text = cut_front(name, room), .style = Style::kTitle},
          {.text = safe, .style = Style::kFaint}};
}

std::string outcomes(const LockReport& lock) {
  std::string text;
  const auto add = [&](std::uint64_t count, const char* what) {
    if (count != 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", format_count(count), what);
  };
  add(lock.waits, "ended");
  add(lock.in_progress, "in progress");
  add(lock.timed_out, "timed out");
  add(lock.interrupted, "interrupted");
  add(lock.raced, "never slept");
  add(lock.failed, "refused by the kernel");
  add(lock.waits_at_least, "began before we looked: longer than counted");
  if (lock.threads != 0) text += "; by " + format_plural(lock.threads, waiter_of(lock));
  return text;
}

std::string percentiles(const Distribution& distribution) {
  const Histogram& histogram = distribution.histogram;
  const auto at = [&](double share) {
    return format_duration(static_cast<double>(histogram.percentile(share)));
  };
  return fmt::format("p50 {}, p90 {}, p99 {}, max {}", at(0.50), at(0.90), at(0.99),
                     format_duration(static_cast<double>(histogram.max())));
}

struct Detail {
  std::size_t stacks = 1'000;
  std::size_t frames = kFrames;
};
constexpr Detail kPreview = {.stacks = 2, .frames = 3};

std::vector<Line> waiter_lines(const LockReport& lock, std::size_t width, Detail detail = {}) {
  std::vector<Line> lines = {{{.text = pad("waiting in", width), .style = Style::kLabel}}};
  for (const Waiters& row : lock.waiters | std::views::take(detail.stacks))
    add_stack(lines, format_share(row.share), row.mode ? "(" + *row.mode + ")" : std::string(),
              row.stack, width, detail.frames);
  return lines;
}

std::vector<Line> releaser_lines(const LockReport& lock, std::size_t width, Detail detail = {}) {
  std::vector<Line> lines = {{{.text = pad("let go in", width), .style = Style::kLabel}}};
  for (const Releasers& row : lock.releasers | std::views::take(detail.stacks))
    add_stack(lines, format_share(row.share), {}, row.stack, width, detail.frames);
  if (lock.releasers.empty())
    lines.push_back(
        {{.text = pad("         no wake seen in this interval", width), .style = Style::kFaint}});
  else if (lock.unattributed_share >= 0.05)
    lines.push_back({{.text = pad(fmt::format("         {} of the waiting has no wake to charge",
                                              format_share(lock.unattributed_share)),
                                  width),
                      .style = Style::kFaint}});
  return lines;
}

void append(std::vector<Line>& lines, std::vector<Line> more) {
  for (Line& line : more) lines.push_back(std::move(line));
}

void add_beside(std::vector<Line>& lines, std::vector<Line> left, std::vector<Line> right,
                std::size_t width) {
  const std::size_t rows = std::max(left.size(), right.size());
  left.resize(rows, {{.text = std::string(width, ' '), .style = Style::kPlain}});
  right.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    std::size_t used = 0;
    for (const Span& span : left[i]) used += columns_of(glyphs_of(span.text));
    left[i].push_back(
        {.text = std::string(2 + width - std::min(width, used), ' '), .style = Style::kPlain});
    left[i].insert(left[i].end(), right[i].begin(), right[i].end());
    lines.push_back(std::move(left[i]));
  }
}

std::string taken_text(const SectionsReport& sections) {
  std::vector<std::string> parts;
  if (const auto& rate = sections.acquisitions_per_s)
    parts.push_back(fmt::format("taken {}/s ({} to {})", format_rate(rate->estimate),
                                format_rate(rate->low), format_rate(rate->high)));
  if (sections.contended_share)
    parts.push_back(format_share(*sections.contended_share) + " of these had to wait");
  if (sections.utilisation)
    parts.push_back("held " + format_share(*sections.utilisation) + " of the time");
  if (sections.ceiling_per_s)
    parts.push_back(fmt::format("no more than {}/s can be", format_rate(*sections.ceiling_per_s)));
  return fmt::format("{}", fmt::join(parts, "; "));
}

// Where its critical sections could be seen.
void add_sections(std::vector<Line>& lines, const SectionsReport& sections, Width width) {
  add_labelled(lines, "sections", taken_text(sections), width.columns);
  if (sections.hold) {
    add_labelled(lines, "held for", percentiles(*sections.hold), width.columns);
    add_histogram(lines, sections.hold->histogram, Unit::kNanoseconds, width);
  }
  if (!sections.holders.empty()) lines.push_back({{.text = "held in", .style = Style::kLabel}});
  for (const Holders& row : sections.holders) {
    std::string what;
    if (row.share_interval && row.share_interval->low < row.share_interval->high)
      what = format_share_interval(*row.share_interval) + "; ";
    what += fmt::format("{}/s, p50 {}", format_rate(row.acquisitions_per_s),
                        format_duration(static_cast<double>(row.hold.histogram.percentile(0.5))));
    add_stack(lines, format_share(row.share), what, row.stack, width.columns);
  }
  for (const WhatIf& row : sections.what_if)
    add_labelled(
        lines, "what if",
        fmt::format("{}: {}/s ({} to {}); assumes {}", row.change, format_rate(row.predicted_per_s),
                    format_rate(row.low), format_rate(row.high), row.assumes),
        width.columns);
}

}  // namespace

std::vector<Line> lock_preview(const LockReport& lock, std::size_t width) {
  std::vector<Line> lines = {title(lock, width)};
  if (!lock.wait.histogram.empty())
    lines.push_back({{.text = pad("wait", kMargin), .style = Style::kLabel},
                     {.text = percentiles(lock.wait), .style = Style::kPlain}});
  if (lock.waiters.empty()) return lines;
  const std::size_t half = (width / 2) - 1;
  add_beside(lines, waiter_lines(lock, half, kPreview), releaser_lines(lock, half, kPreview), half);
  return lines;
}

std::vector<Line> lock_lines(const LockReport& lock, Width width) {
  std::vector<Line> lines = {title(lock, width.columns)};
  const auto add = [&](std::string_view label, const std::string& text, Style style) {
    add_labelled(lines, label, text, width.columns, style);
  };
  add(is_idle(lock.kind) ? "idle" : cw::name_of(lock.level), lock.arithmetic,
      is_idle(lock.kind) ? Style::kFaint : style_of(lock.level));
  for (const std::string& advice : lock.advice) add("next", advice, Style::kLabel);
  if (lock.owner)
    add("owner", fmt::format("now tid {} {}", lock.owner->tid, lock.owner->comm), Style::kLabel);
  if (const std::string text = outcomes(lock); !text.empty()) add("waits", text, Style::kLabel);
  if (!lock.wait.histogram.empty()) {
    add("", percentiles(lock.wait), Style::kLabel);
    add_histogram(lines, lock.wait.histogram, Unit::kNanoseconds, width);
  }
  if (lock.waiters.empty() && lock.releasers.empty())
    add("stacks", "none: it is not among the first, or the budget was spent", Style::kLabel);
  else if (width.columns >= kSideBySide)
    add_beside(lines, waiter_lines(lock, (width.columns / 2) - 2),
               releaser_lines(lock, (width.columns / 2) - 2), (width.columns / 2) - 2);
  else {
    append(lines, waiter_lines(lock, width.columns));
    append(lines, releaser_lines(lock, width.columns));
  }
  if (lock.sections) add_sections(lines, *lock.sections, width);
  return lines;
}

}  // namespace cw::live
