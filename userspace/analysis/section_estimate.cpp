#include "analysis/section_estimate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "analysis/alloc_estimate.h"
#include "analysis/jackknife.h"
#include "analysis/lock_rate.h"
#include "analysis/locks.h"
#include "analysis/survival.h"

namespace cw {
namespace {

constexpr std::size_t kGroups = 16;  // of windows, each left out once
// What a hold of nothing is measured as differs by about this share from place to place.
constexpr double kFloorUncertain = 0.15;
// And what a hit costs, which is measured on ourselves, differs in a program by about this share.
constexpr double kHitUncertain = 0.4;

using SectionWindows = std::span<const SectionWindow>;

LockRates counted_of(const SectionContext& context, std::uint64_t address, bool is_rwlock) {
  const auto found = context.counted.lower_bound(address);
  const bool is_its =
      found != context.counted.end() && lies_in_lock(found->first, address, is_rwlock);
  return is_its ? found->second : LockRates{};
}

// A mutex is let go of once for each wake. Windows that rule that out have seen something else.
std::optional<Estimate> at_least(const Estimate& rate, double wakes_per_s) {
  if (wakes_per_s > rate.high) return std::nullopt;
  return Estimate{.estimate = std::max(rate.estimate, wakes_per_s),
                  .low = std::max(rate.low, wakes_per_s),
                  .high = rate.high};
}

Followed followed_in(const LockWindow& lock) {
  return {.ended = lock.holds, .ended_sum = lock.held_ns, .cut = lock.cut, .cut_sum = lock.cut_ns};
}

// What is seen of one lock, added up.
struct SectionTotals {
  LockWindow sum;
  Followed followed;
  std::vector<Followed> groups;  // of windows
  std::set<std::uint32_t> threads;
  std::map<StackId, HolderWindow> holders;  // each stack stands for as many as its window had it
  std::map<StackId, double> acquisitions;
  std::map<StackId, std::vector<double>> held_ns;  // by group of windows
};

void add_holders(const SectionWindow& window, const LockWindow& lock, std::size_t group,
                 SectionTotals& totals) {
  const auto weight = static_cast<double>(std::max<std::uint64_t>(1, window.stacks_one_in));
  for (const auto& [stack, holder] : lock.holders) {
    totals.holders[stack].add(holder);
    totals.acquisitions[stack] += weight * static_cast<double>(holder.acquisitions);
    std::vector<double>& held_ns = totals.held_ns[stack];
    held_ns.resize(kGroups);
    held_ns[group] += weight * static_cast<double>(holder.held_ns + holder.cut_ns);
  }
}

SectionTotals totals_of(SectionWindows windows, std::uint64_t address) {
  SectionTotals totals;
  totals.groups.resize(kGroups);
  std::size_t turn = 0;
  for (const SectionWindow& window : windows) {
    const std::size_t group = turn;
    if (window.set == ProbeSet::kBoth) turn = (turn + 1) % kGroups;
    const LockWindow* lock = lock_in(window, address);
    if (lock == nullptr) continue;
    totals.sum.is_rwlock = totals.sum.is_rwlock || lock->is_rwlock;
    totals.sum.releases += lock->releases;
    totals.sum.hits_within += lock->hits_within;
    totals.sum.begun += lock->begun;
    totals.sum.contended += lock->contended;
    totals.sum.reads += lock->reads;
    totals.sum.begun_before += lock->begun_before;
    totals.threads.insert(lock->threads.begin(), lock->threads.end());
    const Followed followed = followed_in(*lock);
    totals.followed.add(followed);
    totals.groups[group].add(followed);
    add_holders(window, *lock, group, totals);
  }
  return totals;
}

double scatter_of_mean(const SectionTotals& totals) {
  std::vector<double> without;
  for (std::size_t left_out = 0; left_out < totals.groups.size(); ++left_out) {
    if (totals.groups[left_out].ended.empty() && totals.groups[left_out].cut.empty()) continue;
    Followed others;
    for (std::size_t i = 0; i < totals.groups.size(); ++i)
      if (i != left_out) others.add(totals.groups[i]);
    if (others.ended.empty() && others.cut.empty()) continue;
    without.push_back(mean_life(others).mean);
  }
  return half_interval(without);
}

// An exclusive lock is not held for more than all of the time.
Estimate hold_mean(const SectionTotals& totals, const Estimate& rate,
                   const SectionContext& context) {
  if (totals.followed.ended.empty() && totals.followed.cut.empty())
    return {.estimate = 0, .low = 0, .high = std::numeric_limits<double>::infinity()};
  const MeanLife life = mean_life(totals.followed);
  const double hits_within =
      static_cast<double>(totals.sum.hits_within) /
      static_cast<double>(std::max<std::uint64_t>(1, totals.followed.ended.count()));
  const double half = std::hypot(scatter_of_mean(totals), life.supposed) +
                      kFloorUncertain * context.costs.floor_ns +
                      kHitUncertain * context.costs.hit_ns * hits_within;
  Estimate mean{
      .estimate = life.mean,
      .low = std::max(0.0, life.mean - half),
      .high = life.open_ended ? std::numeric_limits<double>::infinity() : life.mean + half};
  if (!std::isfinite(half)) mean.low = 0;
  if (totals.sum.is_rwlock) return mean;
  const auto all_the_time = [](double per_s) {
    return per_s > 0 ? 1e9 / per_s : std::numeric_limits<double>::infinity();
  };
  mean.high = std::min(mean.high, std::max(all_the_time(rate.low), mean.low));
  mean.estimate = std::min({mean.estimate, all_the_time(rate.estimate), mean.high});
  mean.low = std::min(mean.low, mean.estimate);
  return mean;
}

std::vector<SectionHolder> holders_of(const SectionTotals& totals, const Estimate& rate) {
  constexpr std::uint64_t kFewestSeen = 5;  // one or two may be anybody's
  std::uint64_t seen = 0;
  for (const auto& [stack, holder] : totals.holders) seen += holder.acquisitions;
  if (seen < kFewestSeen) return {};
  double all = 0;
  double all_ns = 0;
  for (const auto& [stack, acquisitions] : totals.acquisitions) all += acquisitions;
  for (const auto& [stack, by_group] : totals.held_ns)
    for (const double ns : by_group) all_ns += ns;
  std::vector<SectionHolder> holders;
  for (const auto& [stack, holder] : totals.holders) {
    const double acquisitions = totals.acquisitions.at(stack);
    double held_ns = 0;
    for (const double ns : totals.held_ns.at(stack)) held_ns += ns;
    holders.push_back(
        {.stack = stack,
         .share = all_ns > 0 ? held_ns / all_ns : acquisitions / all,
         .held_ns = totals.held_ns.at(stack),
         .acquisitions_per_s = all > 0 ? rate.estimate * acquisitions / all : 0,
         .hold = {.count = holder.completed, .sum_ns = holder.held_ns, .histogram = holder.holds}});
  }
  std::ranges::sort(holders, std::greater{}, &SectionHolder::share);
  return holders;
}

bool is_met_by_most(SectionWindows windows, std::uint64_t address) {
  constexpr std::size_t kFewest = 6;
  const auto met = static_cast<std::size_t>(std::ranges::count_if(
      windows, [&](const SectionWindow& window) { return lock_in(window, address) != nullptr; }));
  return met >= std::max(kFewest, windows.size() * 3 / 4);
}

// Those worth a closer look, by what they were held in the windows.
std::vector<std::uint64_t> most_held(SectionWindows windows) {
  struct Weight {
    std::uint64_t held_ns = 0;
    std::uint64_t releases = 0;
  };
  std::map<std::uint64_t, Weight> weights;
  for (const SectionWindow& window : windows) {
    for (const auto& [address, lock] : window.locks) {
      if (lock.releases + lock.begun == 0) continue;
      weights[address].held_ns += lock.held_ns + lock.cut_ns;
      weights[address].releases += lock.releases;
    }
  }
  std::vector<std::pair<Weight, std::uint64_t>> order;
  order.reserve(weights.size());
  for (const auto& [address, weight] : weights) order.emplace_back(weight, address);
  std::ranges::sort(order, std::greater{}, [](const auto& one) {
    return std::tuple(one.first.held_ns, one.first.releases, one.second);
  });
  std::vector<std::uint64_t> addresses;
  for (std::size_t i = 0; i < std::min(order.size(), kMostSections); ++i)
    addresses.push_back(order[i].second);
  return addresses;
}

}  // namespace

AllocContext known_of(const SectionContext& context) {
  return {.hit_ns = context.costs.hit_ns,
          .on_cpu = context.busy,
          .runnable = is_crowded(context) ? std::nullopt : context.runnable};
}

bool is_crowded(const SectionContext& context) {
  constexpr double kTooLong = 2;
  return lack_cpu(context.busy, context.runnable, kTooLong);
}

std::vector<LockSections> estimate_sections(std::span<const SectionWindow> windows,
                                            const SectionContext& context) {
  const bool crowded = is_crowded(context);
  const AllocContext known = known_of(context);
  double observed_s = 0;
  for (const SectionWindow& window : windows)
    observed_s += static_cast<double>(window.length_ns) / 1e9;
  std::vector<LockSections> all;
  for (const std::uint64_t address : most_held(windows)) {
    if (crowded && !is_met_by_most(windows, address)) continue;
    const SectionTotals totals = totals_of(windows, address);
    const LockRates counted = counted_of(context, address, totals.sum.is_rwlock);
    auto rate =
        lock_rate(windows, address,
                  {.threads = totals.threads.size(), .busy_share = counted.busy_share}, known);
    if (rate && !totals.sum.is_rwlock) rate = at_least(*rate, counted.wakes_per_s);
    if (!rate) continue;
    LockSections sections;
    sections.pid = context.pid;
    sections.image = context.image;
    sections.address = address;
    sections.is_rwlock = totals.sum.is_rwlock;
    sections.observed_s = observed_s;
    sections.windows = windows.size();
    sections.acquisitions_per_s = *rate;
    sections.contended_share = share_of(totals.sum.contended, totals.sum.begun);
    sections.read_share = totals.sum.is_rwlock ? share_of(totals.sum.reads, totals.sum.begun) : 0;
    sections.threads = totals.threads.size();
    sections.hold = {.count = totals.followed.ended.count(),
                     .sum_ns = totals.followed.ended_sum,
                     .histogram = totals.followed.ended};
    sections.hold_mean_ns = hold_mean(totals, sections.acquisitions_per_s, context);
    sections.censored = totals.sum.begun_before + totals.followed.cut.count();
    sections.holders = holders_of(totals, sections.acquisitions_per_s);
    all.push_back(std::move(sections));
  }
  return all;
}

}  // namespace cw
