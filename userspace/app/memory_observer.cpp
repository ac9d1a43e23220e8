#include "app/memory_observer.h"

#include <algorithm>
#include <set>

#include "model/clock.h"
#include "process/memory_use.h"
#include "process/proc.h"

namespace cw {
namespace {

constexpr std::size_t kFollowedALook = 64;

}  // namespace

void MemoryObserver::begin(const std::vector<MemoryTarget>& targets) {
  last_ = snapshot(targets);
}

void MemoryObserver::look(const std::vector<MemoryTarget>& targets) {
  const std::uint64_t now = monotonic_ns();
  const std::size_t looks = std::min(targets.size(), kFollowedALook);
  for (std::size_t i = 0; i < looks; ++i, ++turn_) {
    const std::int32_t pid = targets[turn_ % targets.size()].pid;
    if (const auto use = memory_use_of(pid))
      follow(pid, use->start_ticks, now, use->rss_anon_bytes);
  }
}

void MemoryObserver::follow(std::int32_t pid, std::uint64_t start_ticks, std::uint64_t time_ns,
                            std::uint64_t bytes) {
  Trend& trend = trends_[pid];
  if (trend.start_ticks != start_ticks) trend = {.start_ticks = start_ticks, .growth = {}};
  trend.growth.add(time_ns, bytes);
}

MemorySnapshot MemoryObserver::snapshot(const std::vector<MemoryTarget>& targets) {
  MemorySnapshot snapshot;
  snapshot.time_ns = monotonic_ns();
  std::map<std::string, std::optional<Headroom>> groups;
  const bool calls_counted = probes_->counts_calls();
  for (const MemoryTarget& target : targets) {
    const auto use = memory_use_of(target.pid);
    if (!use) continue;
    MemorySample sample;
    sample.pid = target.pid;
    sample.comm = comm_of(target.pid);
    sample.start_ticks = use->start_ticks;
    const std::string membership = membership_of(target.pid);
    sample.cgroup = group_path_in(membership);
    sample.rss_anon_bytes = use->rss_anon_bytes;
    sample.minor_faults = use->minor_faults;
    sample.major_faults = use->major_faults;
    if (calls_counted) {
      const MemoryCalls calls = probes_->calls_of(target.pid);
      sample.brk = calls.brk;
      sample.mmap = calls.mmap;
      sample.munmap = calls.munmap;
      sample.madvise = calls.madvise;
    }
    const auto [group, is_new] = groups.try_emplace(membership);
    if (is_new) {
      group->second = limits_.headroom(membership);
      const GroupPressure pressure = limits_.pressure(membership);
      snapshot.groups.push_back({.path = sample.cgroup,
                                 .memory_some_us = pressure.memory_some_us,
                                 .cpu_periods = pressure.cpu_periods,
                                 .cpu_throttled = pressure.cpu_throttled});
    }
    if (const auto& headroom = group->second) {
      sample.headroom_bytes = headroom->bytes;
      sample.limit = headroom->limit;
    }
    follow(sample.pid, sample.start_ticks, snapshot.time_ns, sample.rss_anon_bytes);
    snapshot.processes.push_back(std::move(sample));
  }
  snapshot.fault_sites = probes_->fault_sites();
  return snapshot;
}

void MemoryObserver::forget_ended(const MemorySnapshot& now) {
  std::set<std::int32_t> here;
  for (const MemorySample& sample : now.processes) here.insert(sample.pid);
  std::erase_if(trends_, [&](const auto& entry) { return !here.contains(entry.first); });
  std::set<std::int32_t> ended;
  for (const MemorySample& sample : last_.processes)
    if (!here.contains(sample.pid)) ended.insert(sample.pid);
  for (const std::int32_t pid : ended) probes_->forget_process(pid);
}

void MemoryObserver::report(const std::vector<MemoryTarget>& targets, const Thresholds& thresholds,
                            std::size_t top_n, Symbolizer& symbolizer, Report& report) {
  MemorySnapshot now = snapshot(targets);
  std::map<std::int32_t, MemoryBackground> background;
  for (const MemoryTarget& target : targets) {
    MemoryBackground& known = background[target.pid];
    known.image = target.image;
    if (const auto trend = trends_.find(target.pid); trend != trends_.end())
      known.growth_bytes_per_s = trend->second.growth.bytes_per_s();
  }
  report.memory = memory_rows(last_, now, background, thresholds, top_n, symbolizer);
  report.cgroups = group_rows(last_, now);
  forget_ended(now);
  last_ = std::move(now);
}

}  // namespace cw
