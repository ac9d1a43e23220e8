// The detail of a lock that was seen being taken: how often, for how long, by whom, and what would
// help.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "output/format.h"
#include "output/layout.h"
#include "output/symbol.h"
#include "output/text_parts.h"

namespace cw {
namespace {

constexpr std::size_t kHoldersShown = 3;
constexpr std::size_t kHolderFramesShown = 2;

// "41,000/s [40,100-41,900]", the interval where it is more than what rounding hides.
std::string rate_text(const Estimate& rate) {
  std::string text = format_rate(rate.estimate) + "/s";
  if (std::isfinite(rate.high) && rate.high > rate.low)
    text += fmt::format(" [{}-{}]", format_rate(rate.low), format_rate(rate.high));
  return text;
}

std::string bounds_text(const SectionsReport& sections, const Estimate& rate) {
  std::string text = fmt::format("taken at least {}/s, by its wakes", format_rate(rate.low));
  if (sections.hold_mean_ns)
    text += fmt::format(", so held at most {} on average",
                        format_duration(sections.hold_mean_ns->high));
  return text + "; it is taken by inlined code, which cannot be probed: no more is certain";
}

std::string product_text(const SectionsReport& sections, const Estimate& rate) {
  std::string text = "taken " + rate_text(rate);
  if (sections.hold_mean_ns && sections.utilisation) {
    text += fmt::format(" x {}", format_duration(sections.hold_mean_ns->estimate));
    text += sections.ceiling_per_s
                ? fmt::format(" = held {} of the time", format_share(*sections.utilisation))
                : fmt::format(" = held by {} threads", format_mean(*sections.utilisation));
  }
  if (sections.threads != 0)
    text += fmt::format(", by {}", format_plural(sections.threads, "thread"));
  if (sections.contended_share)
    text += fmt::format("; {} had to wait", format_share(*sections.contended_share));
  if (sections.read_share) text += fmt::format(", {} read", format_share(*sections.read_share));
  return text;
}

std::string ceiling_text(const SectionsReport& sections, double per_s) {
  std::string text =
      fmt::format("ceiling {}/s (1 / {})", format_rate(per_s), format_duration(1e9 / per_s));
  if (sections.ceiling_threads)
    text += fmt::format(", reached with {}",
                        format_plural(static_cast<std::uint64_t>(
                                          std::ceil(std::min(1e6, *sections.ceiling_threads))),
                                      "thread"));
  return text;
}

void write_hold_times(Page& page, const Distribution& hold) {
  const auto at = [&](double share) {
    return format_duration(static_cast<double>(hold.histogram.percentile(share)));
  };
  if (hold.histogram.empty()) return;
  page.line(fmt::format("{:{}}hold  p50 {}  p90 {}  p99 {}  max {}", "", kIndent, at(0.50),
                        at(0.90), at(0.99),
                        format_duration(static_cast<double>(hold.histogram.max()))));
}

void write_holder(Page& page, const Holders& holder) {
  std::string what = "   ";
  if (const auto& interval = holder.share_interval; !interval)
    what += fmt::format("{} seen; ", format_count(holder.hold.count));
  else if (interval->low < interval->high)
    what += format_share_interval(*interval) + "; ";
  what += format_rate(holder.acquisitions_per_s) + "/s";
  if (!holder.hold.histogram.empty())
    what += ", p50 " + format_duration(static_cast<double>(holder.hold.histogram.percentile(0.5)));
  std::string margin =
      pad("", kIndent) + pad(pad_left(format_share(holder.share), kShare - 1), kShare);
  const Stack& stack = holder.stack;
  const std::size_t end = std::min(stack.frames.size(), stack.own + kHolderFramesShown);
  if (stack.own >= end) page.line(margin + "(no stack)" + what);
  for (std::size_t i = stack.own; i < end; ++i) {
    page.line(margin + frame_text(stack.frames[i]) + (i == stack.own ? what : ""));
    margin = std::string(kIndent + kShare, ' ');
  }
}

void write_holders(Page& page, const std::vector<Holders>& holders) {
  if (holders.empty()) return;
  page.indented(kIndent, "held, by where it is taken");
  for (std::size_t i = 0; i < std::min(holders.size(), kHoldersShown); ++i)
    write_holder(page, holders[i]);
  if (holders.size() > kHoldersShown)
    page.line(fmt::format("{:{}}{} more", "", kIndent + kShare,
                          format_plural(holders.size() - kHoldersShown, "place")));
}

void write_what_if(Page& page, const SectionsReport& sections, double now) {
  for (const WhatIf& line : sections.what_if)
    page.indented(kIndent,
                  fmt::format("what if  {}: {}/s ({} to {}), x {:.1f}; assumes: {}", line.change,
                              format_rate(line.predicted_per_s), format_rate(line.low),
                              format_rate(line.high), line.predicted_per_s / now, line.assumes));
}

}  // namespace

void write_explanation(Page& page, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) page.indented(kIndent, "explain  " + line);
}

void write_sections(Page& page, const LockReport& lock) {
  if (!lock.sections || !lock.sections->acquisitions_per_s) return;
  const SectionsReport& sections = *lock.sections;
  const Estimate& rate = *sections.acquisitions_per_s;
  if (sections.bounds_only) {
    page.indented(kIndent, bounds_text(sections, rate));
    return;
  }
  page.indented(kIndent, product_text(sections, rate));
  if (sections.ceiling_per_s)
    page.indented(kIndent, ceiling_text(sections, *sections.ceiling_per_s));
  if (sections.hold) write_hold_times(page, *sections.hold);
  write_holders(page, sections.holders);
  write_what_if(page, sections, rate.estimate);
}

}  // namespace cw
