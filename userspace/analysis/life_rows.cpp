#include "analysis/life_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "analysis/lifetimes.h"
#include "output/format.h"

namespace cw {
namespace {

constexpr double kMostlyShort = 0.8;      // share of blocks, from which a pool would hold them
constexpr double kMostlyElsewhere = 0.3;  // share of blocks, from which handing them over tells

}  // namespace

void add_lives(const AllocatorSample& sample, StackNames& names, AllocatorReport& report) {
  report.lives_remark = sample.lives_remark;
  if (sample.lives.empty()) return;
  report.lifetimes = lifetimes_of(sample.lives);
  if (sample.call_floor_ns > 0) report.latency = latency_of(sample.lives, sample.call_floor_ns);

  std::map<StackId, std::vector<AllocLife>> by_stack;
  for (const AllocLife& life : sample.lives) by_stack[life.stack].push_back(life);
  std::vector<std::vector<AllocLife>> by_site(report.sites.size());
  for (auto& [id, lives] : by_stack) {
    const Stack& stack = names.of(sample.image, id);
    const auto site = std::ranges::find_if(report.sites, [&](const AllocationSiteReport& known) {
      return same_functions(known.stack, stack);
    });
    if (site == report.sites.end()) continue;
    std::vector<AllocLife>& all = by_site[static_cast<std::size_t>(site - report.sites.begin())];
    all.insert(all.end(), lives.begin(), lives.end());
  }
  for (std::size_t i = 0; i < by_site.size(); ++i) {
    const Lifetimes lifetimes = lifetimes_of(by_site[i]);
    report.sites[i].followed = lifetimes.followed;
    if (lifetimes.short_lived) report.sites[i].short_lived_share = lifetimes.short_lived->estimate;
    report.sites[i].cross_thread_free_share = lifetimes.elsewhere_share;
  }
}

void add_arena_waits(const std::vector<LockReport>& locks, double interval_s,
                     AllocatorReport& report) {
  std::map<std::string, double> waited_s;
  for (const LockReport& lock : locks) {
    if (lock.kind != LockKind::kAllocator ||
        std::ranges::find(lock.pids, report.pid) == lock.pids.end())
      continue;
    const double all_s = std::max(0.0, lock.waiters_mean - lock.runnable_mean) * interval_s;
    for (const Waiters& waiters : lock.waiters)
      waited_s[own_function(waiters.stack)] += waiters.share * all_s;
  }
  for (AllocationSiteReport& site : report.sites) {
    const auto waited = waited_s.find(own_function(site.stack));
    if (waited != waited_s.end() && !waited->first.empty()) site.lock_wait_s = waited->second;
  }
}

std::string advice_on_lives(const AllocationSiteReport& site) {
  std::string text;
  const double short_lived = site.short_lived_share.value_or(0);
  const double elsewhere = site.cross_thread_free_share.value_or(0);
  if (short_lived >= kMostlyShort)
    text =
        fmt::format("{} of its blocks are freed within 1 ms: a pool or the stack would hold them",
                    format_share(short_lived));
  if (elsewhere >= kMostlyElsewhere)
    text += fmt::format("{}{} are freed by another thread: hand the storage back with the work",
                        text.empty() ? "" : "; ", format_share(elsewhere));
  return text;
}

}  // namespace cw
