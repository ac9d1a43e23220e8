// All that is known of an allocator, of one place that allocates, of a process's memory.
#include <fmt/format.h>

#include "live/pane.h"
#include "output/format.h"
#include "output/layout.h"
#include "output/lives.h"

namespace cw::live {
namespace {

Line title(const std::string& name, const std::string& about) {
  return {{.text = printable(name), .style = Style::kTitle},
          {.text = "   " + printable(about), .style = Style::kFaint}};
}

std::string per_second(const char* what, const std::optional<Estimate>& rate) {
  if (!rate) return fmt::format("{}: too little was seen", what);
  return fmt::format("{}/s: {} ({} to {})", what, format_rate(rate->estimate),
                     format_rate(rate->low), format_rate(rate->high));
}

void add_lives(std::vector<Line>& lines, const AllocatorReport& row, Width width) {
  if (const std::string text = lifetimes_text(row); !text.empty() && row.lifetimes) {
    add_labelled(lines, "blocks", text, width.columns);
    add_histogram(lines, row.lifetimes->histogram, Unit::kNanoseconds, width);
  }
  if (!row.lives_remark.empty()) add_labelled(lines, "blocks", row.lives_remark, width.columns);
  if (const std::string latency = latency_text(row); !latency.empty())
    add_labelled(lines, "a call", "takes " + latency, width.columns);
}

// Of the blocks of one place that were followed.
std::string lives_of(const AllocationSiteReport& site) {
  std::string text;
  if (site.short_lived_share)
    text = fmt::format("{} freed within 1 ms", format_share(*site.short_lived_share));
  if (site.cross_thread_free_share)
    text += fmt::format("{}{} by another thread", text.empty() ? "" : ", ",
                        format_share(*site.cross_thread_free_share));
  if (text.empty()) return text;
  return fmt::format("{}; {} followed", text, format_count(site.followed));
}

std::vector<Line> allocator_lines(const AllocatorReport& row, Width width) {
  std::vector<Line> lines = {
      title("allocator " + row.allocator, fmt::format("{} pid {}", row.comm, row.pid))};
  add_labelled(lines, cw::name_of(row.level), row.arithmetic, width.columns);
  for (const std::string& advice : row.advice) add_labelled(lines, "next", advice, width.columns);
  if (!row.remark.empty()) add_labelled(lines, "remark", row.remark, width.columns);
  add_labelled(lines, "rates", per_second("allocations", row.allocs_per_s), width.columns);
  add_labelled(lines, "", per_second("frees", row.frees_per_s), width.columns);
  if (row.bytes_per_s)
    add_labelled(
        lines, "",
        fmt::format("{}/s ({} to {})", format_bytes(row.bytes_per_s->estimate),
                    format_bytes(row.bytes_per_s->low), format_bytes(row.bytes_per_s->high)),
        width.columns);
  add_labelled(lines, "seen",
               fmt::format("in {} windows, {} together; 95 % intervals", format_count(row.windows),
                           format_duration(row.observed_s * 1e9)),
               width.columns);
  if (!row.size.histogram.empty()) {
    add_labelled(lines, "sizes", format_count(row.size.count) + " blocks seen", width.columns);
    add_histogram(lines, row.size.histogram, Unit::kBytes, width);
  }
  add_lives(lines, row, width);
  if (!row.sites.empty()) lines.push_back({{.text = "allocates in", .style = Style::kLabel}});
  for (const AllocationSiteReport& site : row.sites)
    add_stack(lines, format_share(site.share_allocs), {}, site.stack, width.columns);
  return lines;
}

}  // namespace

std::vector<Line> allocation_lines(const Report& report, std::size_t row, Width width) {
  for (const AllocatorReport& allocator : report.allocators) {
    if (row == 0) return allocator_lines(allocator, width);
    if (--row >= allocator.sites.size()) {
      row -= allocator.sites.size();
      continue;
    }
    const AllocationSiteReport& site = allocator.sites[row];
    std::vector<Line> lines = {title("allocates", fmt::format("{} pid {}   {}", allocator.comm,
                                                              allocator.pid, allocator.allocator))};
    add_labelled(lines, "rates",
                 fmt::format("{} allocations/s of {} each = {}/s; {} of all allocations, {} of all "
                             "bytes",
                             format_rate(site.allocs_per_s), format_bytes(site.mean_bytes),
                             format_bytes(site.bytes_per_s), format_share(site.share_allocs),
                             format_share(site.share_bytes)),
                 width.columns);
    if (const std::string lives = lives_of(site); !lives.empty())
      add_labelled(lines, "blocks", lives, width.columns);
    if (site.lock_wait_s)
      add_labelled(lines, "waits",
                   fmt::format("{} for the allocator's own locks, of its function",
                               format_duration(*site.lock_wait_s * 1e9)),
                   width.columns);
    add_stack(lines, {}, {}, site.stack, width.columns);
    return lines;
  }
  return {};
}

std::vector<Line> memory_lines(const MemoryReport& row, Width width) {
  std::vector<Line> lines = {title("memory", fmt::format("{} pid {}", row.comm, row.pid))};
  add_labelled(lines, cw::name_of(row.level), row.arithmetic, width.columns);
  for (const std::string& advice : row.advice) add_labelled(lines, "next", advice, width.columns);
  if (row.headroom_bytes)
    add_labelled(lines, "limit",
                 fmt::format("{} left below {}",
                             format_bytes(static_cast<double>(*row.headroom_bytes)), row.limit),
                 width.columns);
  if (row.exhausted_in_s)
    add_labelled(lines, "full in", format_duration(*row.exhausted_in_s * 1e9), width.columns);
  add_labelled(lines, "faults",
               fmt::format("{} minor/s, {} major/s", format_rate(row.minor_faults_per_s),
                           format_rate(row.major_faults_per_s)),
               width.columns);
  if (row.mmap_per_s)
    add_labelled(lines, "calls",
                 fmt::format("{} brk/s, {} mmap/s, {} munmap/s, {} madvise/s",
                             format_rate(row.brk_per_s.value_or(0)), format_rate(*row.mmap_per_s),
                             format_rate(row.munmap_per_s.value_or(0)),
                             format_rate(row.madvise_per_s.value_or(0))),
                 width.columns);
  if (!row.sites.empty()) lines.push_back({{.text = "faults in", .style = Style::kLabel}});
  for (const FaultSiteReport& site : row.sites)
    add_stack(lines, format_share(site.share), format_rate(site.faults_per_s) + " faults/s",
              site.stack, width.columns);
  return lines;
}

}  // namespace cw::live
