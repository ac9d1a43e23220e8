// Allocators and memory: the detail of those that are not fine. What is fine has its sum among the
// cleared.
#include <fmt/format.h>

#include <algorithm>

#include "output/format.h"
#include "output/layout.h"
#include "output/symbol.h"
#include "output/text_parts.h"

namespace cw {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kShare = 6;  // "100 % "
constexpr std::size_t kSitesShown = 3;
constexpr std::size_t kFramesShown = 3;
constexpr std::size_t kGroupsTold = 3;
constexpr double kThrottledPct = 5;  // of its periods: worth a line
constexpr double kPressedPct = 1;    // of the time

std::string frame_text(const Frame& frame) {
  std::string text = frame.function.empty() ? fmt::format("{}+{:#x}", frame.module, frame.offset)
                                            : short_symbol(frame.function);
  if (frame.file)
    text += fmt::format("   {}{}", frame.file->substr(frame.file->rfind('/') + 1),
                        frame.line ? fmt::format(":{}", *frame.line) : std::string());
  return text;
}

void write_site(Page& page, double share, const std::string& what, const Stack& stack) {
  std::string margin = pad("", kIndent) + pad(pad_left(format_share(share), kShare - 1), kShare);
  const auto line = [&](const std::string& text) {
    page.line(margin + text);
    margin = std::string(kIndent + kShare, ' ');
  };
  if (stack.frames.empty()) line("(no stack)" + what);
  const std::size_t end = std::min(stack.frames.size(), stack.own + kFramesShown);
  for (std::size_t i = stack.own; i < end; ++i)
    line(frame_text(stack.frames[i]) + (i == stack.own ? what : ""));
  if (!stack.complete && !stack.frames.empty()) line("...");
}

// The first row's sum and advice are in the verdict if it is what the verdict is about.
void write_sums(Page& page, const std::string& arithmetic, const std::vector<std::string>& advice,
                const Verdict& verdict) {
  if (arithmetic == verdict.arithmetic) return;
  page.indented(kIndent, arithmetic);
  for (const std::string& text : advice) page.indented(kIndent, "next: " + text);
}

void write_allocator(Page& page, const AllocatorReport& row, const Verdict& verdict) {
  page.blank();
  page.line(fmt::format("allocator {}   {} pid {}", row.allocator, row.comm, row.pid));
  write_sums(page, row.arithmetic, row.advice, verdict);
  if (row.bytes_per_s && row.size.count != 0)
    page.indented(
        kIndent,
        fmt::format("{}/s in blocks of p50 {}, p99 {}", format_bytes(row.bytes_per_s->estimate),
                    format_bytes(static_cast<double>(row.size.histogram.percentile(0.5))),
                    format_bytes(static_cast<double>(row.size.histogram.percentile(0.99)))));
  if (!row.sites.empty()) page.indented(kIndent, "allocations by where they are made");
  for (std::size_t i = 0; i < std::min(row.sites.size(), kSitesShown); ++i)
    write_site(page, row.sites[i].share_allocs,
               fmt::format("   {} each", format_bytes(row.sites[i].mean_bytes)),
               row.sites[i].stack);
}

void write_memory(Page& page, const MemoryReport& row, const Verdict& verdict) {
  page.blank();
  page.line(fmt::format("memory   {} pid {}   rss {}", row.comm, row.pid,
                        format_bytes(static_cast<double>(row.rss_anon_bytes))));
  write_sums(page, row.arithmetic, row.advice, verdict);
  if (row.mmap_per_s)
    page.indented(kIndent,
                  fmt::format("{} brk/s, {} mmap/s, {} munmap/s, {} madvise/s",
                              format_rate(row.brk_per_s.value_or(0)), format_rate(*row.mmap_per_s),
                              format_rate(row.munmap_per_s.value_or(0)),
                              format_rate(row.madvise_per_s.value_or(0))));
  if (!row.sites.empty()) page.indented(kIndent, "page faults by where they are taken");
  for (std::size_t i = 0; i < std::min(row.sites.size(), kSitesShown); ++i)
    write_site(page, row.sites[i].share, {}, row.sites[i].stack);
}

}  // namespace

// Neither is a finding about a lock or an allocator, but both explain what looks like one.
void write_groups(Page& page, const Report& report) {
  std::size_t told = 0;
  for (const CgroupReport& group : report.cgroups) {
    std::string text;
    if (group.cpu_throttled_pct.value_or(0) >= kThrottledPct)
      text = fmt::format("throttled in {} of its periods",
                         format_share(group.cpu_throttled_pct.value_or(0) / 100));
    if (group.memory_psi_some_pct.value_or(0) >= kPressedPct)
      text += fmt::format("{}stalled for memory {} of the time", text.empty() ? "" : ", ",
                          format_share(group.memory_psi_some_pct.value_or(0) / 100));
    if (!text.empty() && told++ < kGroupsTold)
      page.labelled("", fmt::format("control group {}: {}", group.path, text));
  }
}

void write_memory_detail(Page& page, const Report& report, std::size_t top_n) {
  std::size_t shown = 0;
  for (const AllocatorReport& row : report.allocators)
    if (row.level != Level::kFine && shown++ < top_n) write_allocator(page, row, report.verdict);
  for (const MemoryReport& row : report.memory)
    if (row.level != Level::kFine && shown++ < top_n) write_memory(page, row, report.verdict);
}

}  // namespace cw
