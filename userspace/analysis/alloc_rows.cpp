#include "analysis/alloc_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

#include "analysis/alloc_estimate.h"
#include "analysis/life_rows.h"
#include "analysis/stacks.h"
#include "output/format.h"

namespace cw {
namespace {

constexpr double kManyToOneSite = 0.2;  // share of allocations that makes a site worth naming
constexpr double kWorthPooling = 0.1;   // cores, below which fewer allocations change nothing

// Threads waiting on the allocator's own locks, mean.
double waiting_in_arenas(std::int32_t pid, const std::vector<LockReport>& locks) {
  double waiting = 0;
  for (const LockReport& lock : locks)
    if (lock.kind == LockKind::kAllocator && std::ranges::find(lock.pids, pid) != lock.pids.end())
      waiting += std::max(0.0, lock.waiters_mean - lock.runnable_mean);
  return waiting;
}

void add_windows(const AllocatorSample& sample, AllocatorReport& report) {
  for (const AllocWindow& window : sample.windows) {
    report.observed_s += static_cast<double>(window.length_ns) / 1e9;
    report.size.count += window.allocs;
    report.size.sum_bytes += window.bytes;
    report.size.histogram.merge(window.sizes);
  }
  report.windows = sample.windows.size();
}

void add_sites(const AllocatorSample& sample, std::size_t top_n, StackNames& names,
               AllocatorReport& report) {
  double allocs = 0;
  double bytes = 0;
  for (const AllocSite& site : sample.sites) {
    allocs += static_cast<double>(site.allocs);
    bytes += static_cast<double>(site.bytes);
  }
  if (allocs == 0) return;
  std::vector<AllocSite> sorted = sample.sites;
  std::ranges::sort(sorted, [](const AllocSite& a, const AllocSite& b) {
    return std::tie(b.allocs, a.stack) < std::tie(a.allocs, b.stack);
  });
  for (const AllocSite& site : sorted) {
    const double share_allocs = static_cast<double>(site.allocs) / allocs;
    const double share_bytes = bytes == 0 ? 0 : static_cast<double>(site.bytes) / bytes;
    const Stack& stack = names.of(sample.image, site.stack);
    const auto same = std::ranges::find_if(report.sites, [&](const AllocationSiteReport& known) {
      return same_functions(known.stack, stack);
    });
    if (same != report.sites.end()) {
      same->share_allocs += share_allocs;
      same->share_bytes += share_bytes;
    } else if (report.sites.size() < top_n) {
      report.sites.push_back({.share_allocs = share_allocs,
                              .share_bytes = share_bytes,
                              .allocs_per_s = 0,
                              .bytes_per_s = 0,
                              .mean_bytes = 0,
                              .stack = stack});
    }
  }
  for (AllocationSiteReport& site : report.sites) {
    if (report.allocs_per_s) site.allocs_per_s = site.share_allocs * report.allocs_per_s->estimate;
    if (report.bytes_per_s) site.bytes_per_s = site.share_bytes * report.bytes_per_s->estimate;
    if (site.share_allocs > 0)
      site.mean_bytes = site.share_bytes * bytes / (site.share_allocs * allocs);
  }
  std::ranges::sort(report.sites, std::ranges::greater{}, &AllocationSiteReport::share_allocs);
}

// What a call takes: measured where that is beyond doubt. In place, where nothing is in the caches,
// measuring takes longer than its floor, which comes from a loop.
double call_ns(const AllocatorReport& report) {
  constexpr double kFloors = 4;
  if (!report.latency || report.latency->p50_ns() < kFloors * report.latency->floor_ns)
    return kCallNs;
  return report.latency->p50_ns();
}

void judge(AllocatorReport& report, double waiting, double interval_s,
           const Thresholds& thresholds) {
  if (waiting > 0) report.lock_wait_s = waiting * interval_s;
  double cores = 0;
  std::string sum = report.remark.empty() ? "too few windows for a rate" : report.remark;
  if (report.allocs_per_s && report.frees_per_s) {
    const double call = call_ns(report);
    cores = (report.allocs_per_s->estimate + report.frees_per_s->estimate) * call / 1e9;
    report.cores = cores;
    sum = fmt::format("({} allocs/s + {} frees/s) x {}{} = {} cores",
                      format_estimate(*report.allocs_per_s), format_estimate(*report.frees_per_s),
                      format_duration(call), call > kCallNs ? " (measured)" : "",
                      format_cores(cores));
  }
  const Level calls =
      level_of(cores, thresholds.alloc_cores_suspect, thresholds.alloc_cores_culprit);
  const Level arenas =
      level_of(waiting, thresholds.alloc_waiters_suspect, thresholds.alloc_waiters_culprit);
  report.level = std::max(calls, arenas);
  if (waiting > 0)
    sum += fmt::format("; {} threads waiting on its own locks", format_mean(waiting));
  report.arithmetic = sum;
}

// Each piece of advice names the evidence it rests on.
void advise(AllocatorReport& report, double waiting, const Thresholds& thresholds) {
  if (report.level == Level::kFine) return;
  const bool arenas = waiting >= thresholds.alloc_waiters_suspect;
  if (!report.sites.empty()) {
    const AllocationSiteReport& site = report.sites.front();
    const std::string function = own_function(site.stack);
    // Of a stack that ends in the allocator, nothing can be said.
    if (site.stack.own != 0 && !function.empty() && site.share_allocs >= kManyToOneSite) {
      std::string text =
          fmt::format("{} of the allocations are made in {}, {} each on average",
                      format_share(site.share_allocs), function, format_bytes(site.mean_bytes));
      if (report.cores.value_or(0) >= kWorthPooling)
        text += ": keep those blocks, or allocate fewer and larger ones";
      report.advice.push_back(std::move(text));
      if (std::string lives = advice_on_lives(site); !lives.empty())
        report.advice.push_back(fmt::format("{}: {}", function, lives));
    }
  }
  const auto longest = std::ranges::max_element(
      report.sites, {},
      [](const AllocationSiteReport& site) { return site.lock_wait_s.value_or(0); });
  if (arenas && longest != report.sites.end() && longest->lock_wait_s)
    report.advice.push_back(fmt::format("{} costs {} of waiting for the allocator's own locks",
                                        own_function(longest->stack),
                                        format_duration(longest->lock_wait_s.value_or(0) * 1e9)));
  if (arenas)
    report.advice.push_back(fmt::format(
        "{} threads wait inside {}: an allocator with caches for each thread (jemalloc, mimalloc, "
        "tcmalloc) or fewer allocations there would end that",
        format_mean(waiting), report.allocator));
}

}  // namespace

std::string format_estimate(const Estimate& estimate) {
  if (!std::isfinite(estimate.high)) return "at least " + format_rate(estimate.low);
  const double up = estimate.high - estimate.estimate;
  const double down = estimate.estimate - estimate.low;
  const double half = std::max(up, down);
  if (half <= 0) return format_rate(estimate.estimate);
  if (half > estimate.estimate / 2)
    return fmt::format("{} to {}", format_rate(estimate.low), format_rate(estimate.high));
  // No more digits than the interval has: 8,137 +-312 is 8,140 +-310.
  const double step = std::pow(10, std::floor(std::log10(half)) - 1);
  const auto rounded = [&](double value) { return std::round(value / step) * step; };
  return fmt::format("{} +-{}", format_rate(rounded(estimate.estimate)),
                     format_rate(rounded(half)));
}

std::vector<AllocatorReport> allocator_rows(const std::vector<AllocatorSample>& samples,
                                            const std::vector<LockReport>& locks, double interval_s,
                                            double hit_ns, const Thresholds& thresholds,
                                            std::size_t top_n, Symbolizer& symbolizer) {
  StackNames names(symbolizer);
  std::vector<AllocatorReport> rows;
  for (const AllocatorSample& sample : samples) {
    AllocatorReport report;
    report.pid = sample.pid;
    report.comm = sample.comm;
    report.allocator = sample.allocator;
    report.mode = sample.mode;
    report.remark = sample.remark;
    add_windows(sample, report);
    const AllocContext context{
        .hit_ns = hit_ns, .on_cpu = sample.on_cpu, .runnable = sample.runnable};
    if (const auto rates = estimate_rates(sample.windows, context)) {
      report.allocs_per_s = rates->allocs_per_s;
      report.frees_per_s = rates->frees_per_s;
      report.bytes_per_s = rates->bytes_per_s;
    } else if (report.remark.empty() && is_crowded(context)) {
      report.remark =
          "its threads lack a CPU far longer than they have one, so no rate can be told";
    }
    const double waiting = waiting_in_arenas(sample.pid, locks);
    add_sites(sample, top_n, names, report);
    add_lives(sample, names, report);
    add_arena_waits(locks, interval_s, report);
    judge(report, waiting, interval_s, thresholds);
    advise(report, waiting, thresholds);
    rows.push_back(std::move(report));
  }
  std::ranges::sort(rows, [](const AllocatorReport& a, const AllocatorReport& b) {
    return std::tuple(b.level, b.cores.value_or(0), a.pid, a.allocator) <
           std::tuple(a.level, a.cores.value_or(0), b.pid, b.allocator);
  });
  return rows;
}

}  // namespace cw
