// Allocators and memory: the detail of those that are not fine. What is fine has its sum among the
// cleared.
#include <fmt/format.h>

#include <algorithm>

#include "output/format.h"
#include "output/layout.h"
#include "output/lives.h"
#include "output/symbol.h"
#include "output/text_parts.h"

namespace cw {
namespace {

constexpr std::size_t kSiteShare = 6;  // "100 % "
constexpr std::size_t kSitesShown = 3;
constexpr std::size_t kGroupsTold = 3;
constexpr double kThrottledPct = 5;       // of its periods: worth a line
constexpr double kMostlyElsewhere = 0.3;  // share of blocks
constexpr double kPressedPct = 1;         // of the time

void write_site(Page& page, double share, const std::string& what, const Stack& stack) {
  std::string margin =
      pad("", kIndent) + pad(pad_left(format_share(share), kSiteShare - 1), kSiteShare);
  const auto line = [&](const std::string& text) {
    page.line(margin + text);
    margin = std::string(kIndent + kSiteShare, ' ');
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

// "blocks: 83 % freed within 1 ms (78 to 88 %), 4 % by another thread; a call takes under 400 ns"
void write_lives(Page& page, const AllocatorReport& row) {
  const std::string lifetimes = lifetimes_text(row);
  const std::string latency = latency_text(row);
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (!lifetimes.empty()) add("blocks: " + lifetimes);
  if (!latency.empty()) add("a call takes " + latency);
  if (!row.lives_remark.empty()) add((text.empty() ? "blocks: " : "") + row.lives_remark);
  if (!text.empty()) page.indented(kIndent, text);
}

std::string about_site(const AllocationSiteReport& site) {
  std::string text = fmt::format("   {} each", format_bytes(site.mean_bytes));
  // There is room for one of them.
  const double elsewhere = site.cross_thread_free_share.value_or(0);
  if (elsewhere >= kMostlyElsewhere)
    text += fmt::format(", {} freed elsewhere", format_share(elsewhere));
  else if (site.short_lived_share)
    text += fmt::format(", {} short-lived", format_share(*site.short_lived_share));
  return text;
}

template <typename Row>
bool is_worth_detail(const Row& row) {
  return row.level != Level::kFine || !row.explanation.empty();
}

void write_allocator(Page& page, const AllocatorReport& row, const Verdict& verdict) {
  page.blank();
  page.line(fmt::format("allocator {}   {} pid {}", row.allocator, row.comm, row.pid));
  write_sums(page, row.arithmetic, row.advice, verdict);
  write_explanation(page, row.explanation);
  if (row.bytes_per_s && row.size.count != 0)
    page.indented(
        kIndent,
        fmt::format("{}/s in blocks of p50 {}, p99 {}", format_bytes(row.bytes_per_s->estimate),
                    format_bytes(static_cast<double>(row.size.histogram.percentile(0.5))),
                    format_bytes(static_cast<double>(row.size.histogram.percentile(0.99)))));
  write_lives(page, row);
  if (!row.sites.empty()) page.indented(kIndent, "allocations by where they are made");
  for (std::size_t i = 0; i < std::min(row.sites.size(), kSitesShown); ++i)
    write_site(page, row.sites[i].share_allocs, about_site(row.sites[i]), row.sites[i].stack);
}

void write_memory(Page& page, const MemoryReport& row, const Verdict& verdict) {
  page.blank();
  page.line(fmt::format("memory   {} pid {}   rss {}", row.comm, row.pid,
                        format_bytes(static_cast<double>(row.rss_anon_bytes))));
  write_sums(page, row.arithmetic, row.advice, verdict);
  write_explanation(page, row.explanation);
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
    if (is_worth_detail(row) && shown++ < top_n) write_allocator(page, row, report.verdict);
  for (const MemoryReport& row : report.memory)
    if (is_worth_detail(row) && shown++ < top_n) write_memory(page, row, report.verdict);
}

}  // namespace cw
