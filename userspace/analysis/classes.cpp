#include "analysis/classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "analysis/verdict.h"

namespace cw {
namespace {

bool may_be_of_a_class(const Lock& lock) {
  return !is_idle(lock.report.kind) && lock.sure && lock.report.level == Level::kFine &&
         lock.report.cause.empty() && !lock.own.empty() && !lock.report.per_waiter_words;
}

template <typename Row, typename Sum>
void add_rows(std::vector<Row>& rows, const std::vector<Row>& more, Sum sum) {
  for (const Row& row : more) {
    const auto same = std::ranges::find_if(rows, [&](const Row& other) {
      return other.image == row.image && other.stack == row.stack;
    });
    if (same == rows.end())
      rows.push_back(row);
    else
      sum(*same, row);
  }
}

void add_member(Lock& all, const Lock& one) {
  LockReport& sum = all.report;
  const LockReport& report = one.report;
  for (const auto field : {&LockReport::waits, &LockReport::timed_out, &LockReport::interrupted,
                           &LockReport::raced, &LockReport::failed, &LockReport::in_progress,
                           &LockReport::waits_at_least, &LockReport::runnable_ns})
    sum.*field += report.*field;
  sum.waits_per_s += report.waits_per_s;
  sum.threads = std::max(sum.threads, report.threads);  // the same threads, for all we know
  sum.wait.count += report.wait.count;
  sum.wait.sum_ns += report.wait.sum_ns;
  sum.wait.histogram.merge(report.wait.histogram);
  const double waiting = sum.waiters_mean + report.waiters_mean;
  if (waiting > 0)
    sum.unattributed_share = (sum.unattributed_share * sum.waiters_mean +
                              report.unattributed_share * report.waiters_mean) /
                             waiting;
  sum.waiters_mean = waiting;
  sum.runnable_mean += report.runnable_mean;
  for (const auto& [pid, mean] : one.waiting_by_pid) all.waiting_by_pid[pid] += mean;
  add_rows(all.waiters, one.waiters, [](WaitRow& row, const WaitRow& more) {
    row.waits += more.waits;
    row.wait_ns += more.wait_ns;
  });
  add_rows(all.releasers, one.releasers, [](WakeRow& row, const WakeRow& more) {
    row.wakes += more.wakes;
    row.charged_ns += more.charged_ns;
  });
}

// Shares of the interval in which one of the members had a waiter, as if they were independent.
struct Busy {
  double quiet = 1;
  double most = 0;
  double sum = 0;

  void add(double share) {
    quiet *= 1 - share;
    most = std::max(most, share);
    sum += share;
  }
};

Lock class_of(const std::vector<const Lock*>& members, const NotListed& others,
              const Interval& interval) {
  const Lock& first = *members.front();
  Lock all;
  all.key = {.scope = first.key.scope, .space = first.key.space, .device = 0, .address = 0};
  all.sure = true;
  all.image = first.image;
  all.op = first.op;
  all.own = first.own;
  LockReport& sum = all.report;
  sum.pids = first.report.pids;
  sum.comm = first.report.comm;
  sum.kind = first.report.kind;
  sum.primitive = first.report.primitive;
  sum.goroutines = first.report.goroutines;
  sum.objects = members.size() + others.count;
  sum.name = fmt::format("locked in {}", first.own);
  sum.object = "each fine by itself";
  Busy busy;
  for (const Lock* member : members) {
    add_member(all, *member);
    busy.add(member->report.busy_share);
  }
  all.words = members.size();
  // Of these only sums were kept; of many that are small, the chance of quiet is e^-sum.
  sum.waits += others.waits;
  sum.wait.count += others.waits;
  sum.wait.sum_ns += others.sum_ns;
  sum.waiters_mean += others.waiters_mean;
  busy.quiet *= std::exp(-others.waiters_mean);
  busy.sum += others.waiters_mean;
  if (others.count != 0) sum.wait.histogram = {};  // it would be that of a part
  if (interval.length_ns() != 0)
    sum.waits_per_s = static_cast<double>(sum.waits) / interval.length_s();
  sum.busy_share_bounds = {busy.most, std::min(1.0, busy.sum)};
  sum.busy_share = std::min(1 - busy.quiet, sum.busy_share_bounds->second);
  std::ranges::sort(all.waiters, std::ranges::greater{}, &WaitRow::wait_ns);
  std::ranges::sort(all.releasers, std::ranges::greater{}, &WakeRow::charged_ns);
  return all;
}

}  // namespace

void merge_into_classes(std::vector<Lock>& locks, Background& background, const Interval& interval,
                        const Thresholds& thresholds) {
  std::map<ClassKey, std::vector<std::size_t>> alike;
  for (std::size_t i = 0; i < locks.size(); ++i)
    if (may_be_of_a_class(locks[i]))
      alike[{locks[i].report.pids, locks[i].report.kind, locks[i].own}].push_back(i);

  std::vector<bool> merged(locks.size());
  std::vector<Lock> classes;
  for (const auto& [key, members] : alike) {
    const auto others = background.by_class.find(key);
    const NotListed quiet = others == background.by_class.end() ? NotListed{} : others->second;
    if (members.size() + quiet.count < kLeastOfAClass) continue;
    std::vector<const Lock*> which;
    for (const std::size_t i : members) which.push_back(&locks[i]);
    Lock all = class_of(which, quiet, interval);
    judge(all, thresholds);
    if (all.report.level == Level::kFine) continue;
    background.take(key);
    for (const std::size_t i : members) merged[i] = true;
    classes.push_back(std::move(all));
  }
  if (classes.empty()) return;
  std::size_t at = 0;
  std::erase_if(locks, [&](const Lock&) { return merged[at++]; });
  std::ranges::move(classes, std::back_inserter(locks));
}

}  // namespace cw
