// What panes are made of: margins, stacks, histograms.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "live/bars.h"
#include "live/pane.h"
#include "output/format.h"
#include "output/layout.h"
#include "output/symbol.h"

namespace cw::live {
namespace {

constexpr std::size_t kRoomForBoth = 50;  // columns: a function and where it is, both cut
constexpr std::size_t kShare = 9;         // "<0.1 %   "
constexpr std::size_t kRange = 22;        // "131 us .. 262 us"
constexpr std::size_t kCount = 12;

std::string function_name(const Frame& frame) {
  if (!frame.function.empty()) return short_symbol(frame.function);
  if (frame.module.empty()) return "[unknown code]";
  return fmt::format("{}+{:#x}", frame.module, frame.offset);
}

void add_frame(std::vector<Line>& lines, std::string_view margin, const Frame& frame, bool first,
               std::size_t width) {
  const std::string place = printable(source_line(frame));
  const std::size_t room = width - kShare;
  const std::string function = printable(function_name(frame));
  // Where there is not room for both, the function tells more.
  const bool both = columns(function) + columns(place) + 2 <= room || room >= kRoomForBoth;
  const std::size_t beside = both ? std::min(columns(place), room / 2) : 0;
  const std::size_t name = room - (beside == 0 ? 0 : beside + 2);
  lines.push_back({{.text = pad(margin, kShare), .style = Style::kTitle},
                   {.text = pad(cut_front(function, name), name),
                    .style = first ? Style::kPlain : Style::kFaint},
                   {.text = beside == 0 ? "" : "  " + cut_front(place, beside),
                    .style = first ? Style::kPlain : Style::kFaint}});
}

}  // namespace

void add_labelled(std::vector<Line>& lines, std::string_view label, std::string_view text,
                  std::size_t width, Style style) {
  for (const std::string& part : wrap(printable(text), width - kMargin)) {
    lines.push_back(
        {{.text = pad(label, kMargin), .style = style}, {.text = part, .style = Style::kPlain}});
    label = {};
  }
}

void add_stack(std::vector<Line>& lines, std::string_view share, std::string_view remark,
               const Stack& stack, std::size_t width, std::size_t frames) {
  std::string margin = pad_left(share, kShare - 3) + "   ";
  const auto add = [&](const std::string& text, Style style) {
    lines.push_back(
        {{.text = std::exchange(margin, std::string(kShare, ' ')), .style = Style::kTitle},
         {.text = pad(text, width - kShare), .style = style}});
  };
  if (!remark.empty()) add(std::string(remark), Style::kLabel);
  if (stack.frames.empty()) {
    add("(no stack)", Style::kFaint);
    return;
  }
  const std::size_t begin = std::min(stack.own, stack.frames.size() - 1);
  const std::size_t end = std::min(stack.frames.size(), begin + frames);
  for (std::size_t i = begin; i < end; ++i)
    add_frame(lines, std::exchange(margin, std::string(kShare, ' ')), stack.frames[i], i == begin,
              width);
  if (end < stack.frames.size() && frames < kFrames) return;  // a preview
  if (end < stack.frames.size())
    add(fmt::format("{} more", format_plural(stack.frames.size() - end, "frame")), Style::kFaint);
  else if (!stack.complete)
    add("... (it goes on, but could not be followed)", Style::kFaint);
}

void add_histogram(std::vector<Line>& lines, const Histogram& histogram, Unit unit, Width width) {
  std::map<std::uint32_t, std::uint64_t> octaves;
  std::uint64_t most = 0;
  for (const auto& [bucket, count] : histogram.buckets())
    most = std::max(most, octaves[bucket / kSubBuckets] += count);
  if (octaves.empty()) return;
  const auto edge = [&](std::uint64_t value) {
    return unit == Unit::kBytes ? format_bytes(static_cast<double>(value))
                                : format_duration(static_cast<double>(value));
  };
  const std::size_t room = width.columns - std::min(width.columns, kRange + kCount + 2);
  for (std::uint32_t i = octaves.begin()->first; i <= octaves.rbegin()->first; ++i) {
    const std::uint64_t count = octaves.contains(i) ? octaves[i] : 0;
    const std::string range = fmt::format("{} .. {}", edge(bucket_lower(i * kSubBuckets)),
                                          edge(bucket_lower((i + 1) * kSubBuckets)));
    lines.push_back(
        {{.text = pad_left(range, kRange) + pad_left(format_count(count), kCount) + "  ",
          .style = Style::kPlain},
         {.text = bar(static_cast<double>(count) / static_cast<double>(most), room, width.charset),
          .style = Style::kTrend}});
  }
}

}  // namespace cw::live
