#include "app/memory_observer.h"

#include <algorithm>
#include <set>

#include "model/clock.h"
#include "process/memory_use.h"
#include "process/proc.h"

namespace cw {
namespace {

constexpr std::size_t kFollowedALook = 64;
constexpr unsigned kMostStale = 60;

}  // namespace

void MemoryObserver::begin(const std::vector<MemoryTarget>& targets, const Activity& activity) {
  last_ = snapshot(targets, activity);
}

void MemoryObserver::look(const std::vector<MemoryTarget>& targets, const Activity& activity) {
  const std::uint64_t now = monotonic_ns();
  const std::size_t looks = std::min(targets.size(), kFollowedALook);
  for (std::size_t i = 0; i < looks; ++i, ++turn_)
    read(targets[turn_ % targets.size()].pid, activity, now);
}

// What a process has changes while it rests, too: memory may be taken from it, and others may move
// it to another group. So it is read again now and then.
MemoryObserver::Known& MemoryObserver::read(std::int32_t pid, const Activity& activity,
                                            std::uint64_t now_ns) {
  const auto [place, is_new] = known_.try_emplace(pid);
  Known& known = place->second;
  const std::uint64_t ran = activity.ran(pid);
  const bool rests = known.use && ran != 0 && known.ran == ran;
  if (!rests || ++known.stale > kMostStale) {
    const auto use = memory_use_of(pid);
    if (!known.use || !use || known.use->start_ticks != use->start_ticks) known.growth = {};
    known.use = use;
    known.comm = comm_of(pid);
    known.membership = membership_of(pid);
    known.ran = ran;
    known.stale = is_new ? static_cast<unsigned>(pid) % kMostStale : 0;  // not all in one report
  }
  if (known.use) known.growth.add(now_ns, known.use->rss_anon_bytes);
  return known;
}

MemorySnapshot MemoryObserver::snapshot(const std::vector<MemoryTarget>& targets,
                                        const Activity& activity) {
  MemorySnapshot snapshot;
  snapshot.time_ns = monotonic_ns();
  std::map<std::string, std::optional<Headroom>> groups;
  const bool calls_counted = probes_->counts_calls();
  for (const MemoryTarget& target : targets) {
    const Known& known = read(target.pid, activity, snapshot.time_ns);
    const auto& use = known.use;
    if (!use) continue;
    MemorySample sample;
    sample.pid = target.pid;
    sample.comm = known.comm;
    sample.start_ticks = use->start_ticks;
    sample.cgroup = group_path_in(known.membership);
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
    const auto [group, is_new] = groups.try_emplace(known.membership);
    if (is_new) {
      group->second = limits_.headroom(known.membership);
      const GroupPressure pressure = limits_.pressure(known.membership);
      snapshot.groups.push_back({.path = sample.cgroup,
                                 .memory_some_us = pressure.memory_some_us,
                                 .cpu_periods = pressure.cpu_periods,
                                 .cpu_throttled = pressure.cpu_throttled});
    }
    if (const auto& headroom = group->second) {
      sample.headroom_bytes = headroom->bytes;
      sample.limit = headroom->limit;
    }
    snapshot.processes.push_back(std::move(sample));
  }
  snapshot.fault_sites = probes_->fault_sites();
  return snapshot;
}

void MemoryObserver::forget_ended(const MemorySnapshot& now) {
  std::set<std::int32_t> here;
  for (const MemorySample& sample : now.processes) here.insert(sample.pid);
  std::erase_if(known_, [&](const auto& entry) { return !here.contains(entry.first); });
  std::set<std::int32_t> ended;
  for (const MemorySample& sample : last_.processes)
    if (!here.contains(sample.pid)) ended.insert(sample.pid);
  for (const std::int32_t pid : ended) probes_->forget_process(pid);
}

void MemoryObserver::report(const std::vector<MemoryTarget>& targets, const Activity& activity,
                            const Thresholds& thresholds, std::size_t top_n, Symbolizer& symbolizer,
                            Report& report) {
  MemorySnapshot now = snapshot(targets, activity);
  std::map<std::int32_t, MemoryBackground> background;
  for (const MemoryTarget& target : targets) {
    MemoryBackground& of_process = background[target.pid];
    of_process.image = target.image;
    if (const auto known = known_.find(target.pid); known != known_.end())
      of_process.growth_bytes_per_s = known->second.growth.bytes_per_s();
  }
  report.memory = memory_rows(last_, now, background, thresholds, top_n, symbolizer);
  report.cgroups = group_rows(last_, now);
  forget_ended(now);
  last_ = std::move(now);
}

}  // namespace cw
