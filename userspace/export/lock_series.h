// Which locks have time series of their own, and their sums: as many as asked for, the others
// together.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "export/wait_buckets.h"
#include "model/report.h"

namespace cw {

struct LockLabels {
  std::string comm;
  std::string pid;  // empty: not asked for, or several
  std::string kind;
  std::string lock;

  auto operator<=>(const LockLabels&) const = default;
};

struct LockSums {
  WaitBuckets waits;          // since it has its series
  std::int64_t began_ns = 0;  // that was then, in Unix time
  // In the last interval.
  double waiters = 0;
  double busy = 0;
  double unseen_s = 0;  // since somebody last waited for it
};

class LockSeries {
 public:
  // `named`: how many locks at most, and how many of a report's first rows are named.
  LockSeries(std::size_t named, bool with_pid) : limit_(named), with_pid_(with_pid) {}

  void add(const Report& report);

  [[nodiscard]] const std::map<LockLabels, LockSums>& named() const { return named_; }
  [[nodiscard]] const LockSums& others() const { return others_; }
  // Locks that are in others() since the last report.
  [[nodiscard]] std::uint64_t summed_up() const { return summed_up_; }

 private:
  LockSums* series_of(const LockReport& lock, std::int64_t began_ns);
  bool make_room();

  std::size_t limit_;
  bool with_pid_;
  std::map<LockLabels, LockSums> named_;
  LockSums others_;
  std::uint64_t summed_up_ = 0;
};

}  // namespace cw
