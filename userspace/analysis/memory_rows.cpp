#include "analysis/memory_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "analysis/stacks.h"
#include "output/format.h"

namespace cw {
namespace {

constexpr double kDiskReadNs = 1e6;      // assumed for a major fault: nothing here measures it
constexpr double kWorthCounting = 0.05;  // share of a process's faults
constexpr double kChurn = 100;           // calls a second that give memory back

double per_s(std::uint64_t before, std::uint64_t after, double length_s) {
  return after > before && length_s > 0 ? static_cast<double>(after - before) / length_s : 0;
}

std::optional<double> per_s(const std::optional<std::uint64_t>& before,
                            const std::optional<std::uint64_t>& after, double length_s) {
  if (!before || !after) return std::nullopt;
  return per_s(*before, *after, length_s);
}

std::vector<FaultSite> sites_of(std::int32_t pid, const MemorySnapshot& before,
                                const MemorySnapshot& after) {
  std::map<StackId, std::uint64_t> known;
  for (const FaultSite& site : before.fault_sites)
    if (site.pid == pid) known[site.stack] = site.faults;
  std::vector<FaultSite> grown;
  for (const FaultSite& site : after.fault_sites) {
    if (site.pid != pid) continue;
    const std::uint64_t old = known.contains(site.stack) ? known[site.stack] : 0;
    if (site.faults > old)
      grown.push_back({.pid = pid, .stack = site.stack, .faults = site.faults - old});
  }
  std::ranges::sort(grown, [](const FaultSite& a, const FaultSite& b) {
    return std::tie(b.faults, a.stack) < std::tie(a.faults, b.stack);
  });
  return grown;
}

// Rates are those of the process's own counter, which is exact; samples only share them out.
void add_sites(const std::vector<FaultSite>& sites, ImageId image, std::size_t top_n,
               StackNames& names, MemoryReport& report) {
  std::uint64_t all = 0;
  for (const FaultSite& site : sites) all += site.faults;
  const double faults = report.minor_faults_per_s + report.major_faults_per_s;
  if (all == 0 || image == 0) return;
  for (const FaultSite& site : sites) {
    const double share = static_cast<double>(site.faults) / static_cast<double>(all);
    const Stack& stack = names.of(image, site.stack);
    const auto same = std::ranges::find_if(report.sites, [&](const FaultSiteReport& known) {
      return same_functions(known.stack, stack);
    });
    if (same != report.sites.end()) {
      same->share += share;
      same->faults_per_s += share * faults;
    } else if (report.sites.size() < top_n) {
      report.sites.push_back({.faults_per_s = share * faults, .share = share, .stack = stack});
    }
  }
  std::ranges::sort(report.sites, std::ranges::greater{}, &FaultSiteReport::share);
}

std::string growth_text(const MemoryReport& report) {
  if (!report.exhausted_in_s || !report.headroom_bytes) return {};
  const double rate = static_cast<double>(*report.headroom_bytes) / *report.exhausted_in_s;
  return fmt::format("{} left below {} / {}/s = {} until it is exhausted",
                     format_bytes(static_cast<double>(*report.headroom_bytes)), report.limit,
                     format_bytes(rate), format_duration(*report.exhausted_in_s * 1e9));
}

std::string faults_text(const MemoryReport& report) {
  const double cores = report.minor_faults_per_s * kMinorFaultNs / 1e9;
  std::string text =
      fmt::format("{} minor faults/s x {} = {} cores", format_rate(report.minor_faults_per_s),
                  format_duration(kMinorFaultNs), format_cores(cores));
  if (report.major_faults_per_s >= 1)
    text += fmt::format("; {} major faults/s, each a read from disk",
                        format_rate(report.major_faults_per_s));
  return text;
}

std::string rss_text(const MemoryReport& report) {
  const auto rss = static_cast<double>(report.rss_anon_bytes);
  const double growth = report.rss_growth_bytes_per_s;
  if (std::abs(growth) * 60 < std::max(1e6, 0.01 * rss))
    return fmt::format("rss {} steady", format_bytes(rss));
  return fmt::format("rss {}, {} {}/s", format_bytes(rss), growth > 0 ? "growing" : "shrinking",
                     format_bytes(std::abs(growth)));
}

void judge(MemoryReport& report, const Thresholds& thresholds) {
  const double cores = report.minor_faults_per_s * kMinorFaultNs / 1e9;
  const Level faults =
      level_of(cores, thresholds.memory_cores_suspect, thresholds.memory_cores_culprit);
  // What a major fault costs is assumed, so it makes nobody a culprit.
  const Level reads = std::min(
      Level::kSuspect, level_of(report.major_faults_per_s * kDiskReadNs / 1e9,
                                thresholds.memory_cores_suspect, thresholds.memory_cores_culprit));
  Level growth = Level::kFine;
  if (report.exhausted_in_s) {
    const double hours = *report.exhausted_in_s / 3600;
    if (hours < thresholds.growth_hours_suspect) growth = Level::kSuspect;
    if (hours < thresholds.growth_hours_culprit) growth = Level::kCulprit;
  }
  report.level = std::max({faults, reads, growth});
  const std::string sum = growth_text(report);
  report.arithmetic =
      growth > faults && growth >= reads
          ? sum
          : fmt::format("{}, {}", faults_text(report), sum.empty() ? rss_text(report) : sum);
}

// Only what was seen: memory that is given back is taken again only where faults go on and rss does
// not grow by as much.
void advise(MemoryReport& report) {
  if (report.level == Level::kFine) return;
  if (!report.sites.empty() && report.sites.front().share >= kWorthCounting) {
    const std::string function = own_function(report.sites.front().stack);
    if (!function.empty())
      report.advice.push_back(fmt::format("{} of the page faults are taken in {}",
                                          format_share(report.sites.front().share), function));
  }
  const double taken = report.minor_faults_per_s * 4096;
  const double given_back = report.madvise_per_s.value_or(0) + report.munmap_per_s.value_or(0);
  if (given_back >= kChurn && std::abs(report.rss_growth_bytes_per_s) < taken / 4)
    report.advice.push_back(fmt::format(
        "memory is given back and taken again ({} madvise/s, {} munmap/s): let the allocator keep "
        "more of it (glibc: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, jemalloc: dirty_decay_ms)",
        format_rate(report.madvise_per_s.value_or(0)),
        format_rate(report.munmap_per_s.value_or(0))));
}

MemoryReport row_of(const MemorySample& before, const MemorySample& after, double length_s) {
  MemoryReport report;
  report.pid = after.pid;
  report.comm = after.comm;
  report.rss_anon_bytes = after.rss_anon_bytes;
  if (length_s > 0)
    report.rss_growth_bytes_per_s =
        (static_cast<double>(after.rss_anon_bytes) - static_cast<double>(before.rss_anon_bytes)) /
        length_s;
  report.headroom_bytes = after.headroom_bytes;
  report.limit = after.limit;
  report.minor_faults_per_s = per_s(before.minor_faults, after.minor_faults, length_s);
  report.major_faults_per_s = per_s(before.major_faults, after.major_faults, length_s);
  report.brk_per_s = per_s(before.brk, after.brk, length_s);
  report.mmap_per_s = per_s(before.mmap, after.mmap, length_s);
  report.munmap_per_s = per_s(before.munmap, after.munmap, length_s);
  report.madvise_per_s = per_s(before.madvise, after.madvise, length_s);
  return report;
}

}  // namespace

std::vector<MemoryReport> memory_rows(const MemorySnapshot& before, const MemorySnapshot& after,
                                      const std::map<std::int32_t, MemoryBackground>& background,
                                      const Thresholds& thresholds, std::size_t top_n,
                                      Symbolizer& symbolizer) {
  const double length_s = static_cast<double>(after.time_ns - before.time_ns) / 1e9;
  StackNames names(symbolizer);
  std::vector<MemoryReport> rows;
  for (const MemorySample& now : after.processes) {
    const auto then = std::ranges::find_if(before.processes, [&](const MemorySample& sample) {
      return sample.pid == now.pid && sample.start_ticks == now.start_ticks;
    });
    if (then == before.processes.end()) continue;
    MemoryReport report = row_of(*then, now, length_s);
    const auto known = background.find(now.pid);
    if (known != background.end()) {
      const std::optional<double>& growth = known->second.growth_bytes_per_s;
      if (growth && report.headroom_bytes)
        report.exhausted_in_s = static_cast<double>(*report.headroom_bytes) / *growth;
      add_sites(sites_of(now.pid, before, after), known->second.image, top_n, names, report);
    }
    judge(report, thresholds);
    advise(report);
    rows.push_back(std::move(report));
  }
  std::ranges::sort(rows, [](const MemoryReport& a, const MemoryReport& b) {
    return std::tie(b.level, b.minor_faults_per_s, a.pid) <
           std::tie(a.level, a.minor_faults_per_s, b.pid);
  });
  return rows;
}

std::vector<CgroupReport> group_rows(const MemorySnapshot& before, const MemorySnapshot& after) {
  const double length_us = static_cast<double>(after.time_ns - before.time_ns) / 1e3;
  std::vector<CgroupReport> rows;
  for (const GroupSample& now : after.groups) {
    const auto then = std::ranges::find(before.groups, now.path, &GroupSample::path);
    if (then == before.groups.end()) continue;
    CgroupReport row{.path = now.path, .memory_psi_some_pct = {}, .cpu_throttled_pct = {}};
    const GroupSample& old = *then;
    if (now.memory_some_us && old.memory_some_us && length_us > 0)
      row.memory_psi_some_pct = std::min(
          100.0, 100 * static_cast<double>(*now.memory_some_us - *old.memory_some_us) / length_us);
    if (now.cpu_periods && old.cpu_periods && now.cpu_throttled && old.cpu_throttled) {
      const std::uint64_t periods = *now.cpu_periods - *old.cpu_periods;
      const std::uint64_t throttled = *now.cpu_throttled - *old.cpu_throttled;
      row.cpu_throttled_pct =
          periods == 0 ? 0 : 100 * static_cast<double>(throttled) / static_cast<double>(periods);
    }
    if (row.memory_psi_some_pct || row.cpu_throttled_pct) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace cw
