#include "analysis/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "analysis/holders.h"
#include "analysis/queue_model.h"
#include "analysis/section_windows.h"
#include "analysis/stacks.h"
#include "output/format.h"
#include "output/symbol.h"

namespace cw {
namespace {

// Share of the time for which a lock is held that nobody waits for, to be worth a row.
constexpr double kWorthARow = 0.1;

using Parts = std::vector<const LockSections*>;

bool is_at(const LockSections& seen, const LockPlace& place) {
  return place.pid == seen.pid && lies_in_lock(place.address, seen.address, seen.is_rwlock);
}

// The row of what was seen; of several at one address, the one of its kind. Null: nobody waited.
LockReport* row_of(std::vector<LockReport>& locks, const LockSections& seen) {
  LockReport* found = nullptr;
  for (LockReport& lock : locks) {
    if (lock.per_waiter_words || lock.objects > 1) continue;
    const std::vector<LockPlace> places = places_of(lock);
    if (std::ranges::none_of(places, [&](const LockPlace& at) { return is_at(seen, at); }))
      continue;
    if ((lock.kind == LockKind::kRwlock) == seen.is_rwlock) return &lock;
    found = &lock;
  }
  return found;
}

// Of what is independent: the deviations add up as squares do.
Estimate sum_of(const std::vector<Estimate>& estimates) {
  Estimate sum;
  double below = 0;
  double above = 0;
  for (const Estimate& one : estimates) {
    sum.estimate += one.estimate;
    below += std::pow(one.estimate - one.low, 2);
    above += std::pow(one.high - one.estimate, 2);
  }
  sum.low = std::max(0.0, sum.estimate - std::sqrt(below));
  sum.high = sum.estimate + std::sqrt(above);
  return sum;
}

// The mean of each, by how often it is held.
Estimate mean_hold_of(const Parts& parts, double acquisitions_per_s) {
  Estimate mean;
  if (acquisitions_per_s <= 0) return mean;
  for (const LockSections* part : parts) {
    const double weight = part->acquisitions_per_s.estimate / acquisitions_per_s;
    mean.estimate += weight * part->hold_mean_ns.estimate;
    mean.low += weight * part->hold_mean_ns.low;
    mean.high += weight * part->hold_mean_ns.high;
  }
  return mean;
}

bool is_shared_by_readers(const SectionsReport& sections) {
  return sections.read_share.value_or(0) > 0;
}

SectionsReport sections_of(const Parts& parts, std::size_t top_n, StackNames& names) {
  SectionsReport report;
  std::vector<Estimate> rates;
  double held = 0;
  double contended = 0;
  double reads = 0;
  Distribution hold;
  for (const LockSections* part : parts) {
    const double rate = part->acquisitions_per_s.estimate;
    rates.push_back(part->acquisitions_per_s);
    held += held_threads(*part);
    contended += rate * part->contended_share;
    reads += rate * part->read_share;
    report.threads += part->threads;
    add(hold, part->hold);
  }
  const Estimate rate = sum_of(rates);
  report.acquisitions_per_s = rate;
  if (rate.estimate <= 0) return report;
  report.contended_share = std::clamp(contended / rate.estimate, 0.0, 1.0);
  if (parts.front()->is_rwlock) report.read_share = std::clamp(reads / rate.estimate, 0.0, 1.0);
  if (hold.count != 0) report.hold = hold;
  report.holders = holders_of(parts, top_n, names);
  const Estimate mean = mean_hold_of(parts, rate.estimate);
  if (mean.estimate <= 0) return report;
  report.hold_mean_ns = mean;
  // One thread at a time: a product above 1 is the error of its factors.
  report.utilisation = is_shared_by_readers(report) ? held : std::min(1.0, held);
  if (!is_shared_by_readers(report)) report.ceiling_per_s = 1e9 / mean.estimate;
  return report;
}

// Little's law over a thread's whole round: what is neither waiting nor holding is thinking.
void add_ceiling_threads(const LockReport& lock, SectionsReport& sections) {
  if (!sections.ceiling_per_s || !sections.acquisitions_per_s || sections.threads == 0) return;
  const double hold_s = 1 / *sections.ceiling_per_s;
  const auto threads = static_cast<double>(std::max(sections.threads, lock.threads));
  const double round_s = (threads - lock.waiters_mean) / sections.acquisitions_per_s->estimate;
  const double think_s = std::max(0.0, round_s - hold_s);
  sections.ceiling_threads = saturating_threads({.think_s = think_s, .hold_s = hold_s});
}

std::string comm_of(const Report& report, std::int32_t pid) {
  const auto process = std::ranges::find(report.processes, pid, &ProcessReport::pid);
  return process == report.processes.end() ? std::string() : process->comm;
}

LockReport uncontended_row(const Report& report, const LockSections& seen, std::size_t top_n,
                           StackNames& names, Symbolizer& symbolizer) {
  LockReport row;
  row.pids = {seen.pid};
  row.comm = comm_of(report, seen.pid);
  row.kind = seen.is_rwlock ? LockKind::kRwlock : LockKind::kMutex;
  row.address = seen.address;
  row.places = {{.pid = seen.pid, .address = seen.address}};
  SectionsReport sections = sections_of({&seen}, top_n, names);
  ObjectName named = symbolizer.object_at(seen.image, seen.address);
  row.object = named.object.empty() ? fmt::format("{:#x}", seen.address) : std::move(named.object);
  row.has_symbol = !named.name.empty();
  row.name = row.has_symbol ? std::move(named.name) : row.object;
  if (!row.has_symbol && !sections.holders.empty())
    if (const std::string function = own_function(sections.holders.front().stack);
        !function.empty())
      row.name += ", locked in " + function;
  row.arithmetic = "nobody waited for it";
  add_ceiling_threads(row, sections);
  row.sections = std::move(sections);
  return row;
}

void narrow_not_seen(std::vector<std::string>& not_seen) {
  const auto blind = std::ranges::find_if(not_seen, [](const std::string& what) {
    return what.starts_with("uncontended acquisitions");
  });
  if (blind != not_seen.end()) *blind = "uncontended acquisitions of other locks than pthread's";
}

}  // namespace

std::vector<LockPlace> places_of(const LockReport& lock) {
  if (!lock.places.empty() || lock.address == 0) return lock.places;
  std::vector<LockPlace> places;
  places.reserve(lock.pids.size());
  for (const std::int32_t pid : lock.pids) places.push_back({.pid = pid, .address = lock.address});
  return places;
}

void add_sections(Report& report, const std::vector<LockSections>& sections, std::size_t top_n,
                  Symbolizer& symbolizer) {
  if (sections.empty()) return;
  StackNames names(symbolizer);
  std::map<LockReport*, Parts> by_row;
  Parts uncontended;
  for (const LockSections& seen : sections) {
    if (LockReport* const row = row_of(report.locks, seen))
      by_row[row].push_back(&seen);
    else
      uncontended.push_back(&seen);
  }
  for (auto& [row, parts] : by_row) {
    SectionsReport seen = sections_of(parts, top_n, names);
    add_ceiling_threads(*row, seen);
    row->sections = std::move(seen);
  }
  std::ranges::sort(uncontended, std::ranges::greater{},
                    [](const LockSections* seen) { return held_threads(*seen); });
  std::size_t rows = 0;
  for (const LockSections* seen : uncontended)
    if (rows < top_n && held_threads(*seen) >= kWorthARow) {
      report.locks.push_back(uncontended_row(report, *seen, top_n, names, symbolizer));
      ++rows;
    }
  narrow_not_seen(report.verdict.not_seen);
}

}  // namespace cw
