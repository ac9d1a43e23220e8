// Objects too many and too quiet to be looked at one by one: summed up.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "analysis/interval.h"
#include "analysis/objects.h"
#include "model/report.h"

namespace cw {

struct Background {
  std::map<LockKind, NotListed> by_kind;
  NotListed unsure;  // kinds that are not certain, and words of unknown use
  // Mean threads waiting less runnable, by process.
  std::map<std::int32_t, double> on_locks;
  std::map<std::int32_t, double> idle;

  void add(const LockObject& object, const Interval& interval);
  // Of all kinds that are locks, or that are idle.
  [[nodiscard]] NotListed locks() const;
  [[nodiscard]] NotListed idle_waits() const;
};

// Leaves the `most` objects with the most waiting in `objects`, in their order. A lock's level
// follows its waiting, so none that is guilty is among the others.
Background set_apart(std::vector<LockObject>& objects, std::size_t most, const Interval& interval);

}  // namespace cw
