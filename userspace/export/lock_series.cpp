#include "export/lock_series.h"

#include <algorithm>

#include "export/lock_label.h"
#include "export/metric_writer.h"
#include "export/report_time.h"

namespace cw {
namespace {

// A lock keeps its series while it is quiet, so that its counters go on where they were. After this
// long another one may have the place; if it comes back, its counters begin again.
constexpr double kQuietBeforeForgotten = 300;  // seconds

}  // namespace

void LockSeries::add(const Report& report) {
  const std::int64_t began_ns = time_of(report).began_ns;
  if (others_.began_ns == 0) others_.began_ns = began_ns;
  for (auto& [labels, sums] : named_) {
    sums.waiters = 0;
    sums.busy = 0;
    sums.unseen_s += report.interval_s;
  }
  others_.waiters = 0;
  summed_up_ = report.locks_not_listed.count;
  for (std::size_t i = 0; i < report.locks.size(); ++i) {
    const LockReport& lock = report.locks[i];
    LockSums* sums = i < limit_ ? series_of(lock, began_ns) : nullptr;
    if (sums == nullptr) {
      sums = &others_;
      summed_up_ += lock.objects;
    }
    sums->waits.add(lock.wait);
    sums->waiters += lock.waiters_mean;
    sums->busy = std::max(sums->busy, lock.busy_share);
    sums->unseen_s = 0;
  }
  others_.waits.add(report.locks_not_listed.waits, report.locks_not_listed.sum_ns);
  others_.waiters += report.locks_not_listed.waiters_mean;
}

// Null where it has no name to be known by, or there is no room.
LockSums* LockSeries::series_of(const LockReport& lock, std::int64_t began_ns) {
  LockLabels labels{.comm = label_value(lock.comm),
                    .pid = with_pid_ && lock.pids.size() == 1 ? std::to_string(lock.pids[0]) : "",
                    .kind = name_of(lock.kind),
                    .lock = lock_label(lock)};
  if (labels.lock.empty()) return nullptr;
  if (const auto found = named_.find(labels); found != named_.end()) return &found->second;
  if (named_.size() >= limit_ && !make_room()) return nullptr;
  LockSums& sums = named_[std::move(labels)];
  sums.began_ns = began_ns;
  return &sums;
}

bool LockSeries::make_room() {
  const auto quietest =
      std::ranges::max_element(named_, {}, [](const auto& entry) { return entry.second.unseen_s; });
  if (quietest == named_.end() || quietest->second.unseen_s < kQuietBeforeForgotten) return false;
  named_.erase(quietest);
  return true;
}

}  // namespace cw
