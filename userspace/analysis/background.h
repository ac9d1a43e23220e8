// Objects too many and too quiet to be looked at one by one: summed up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "analysis/interval.h"
#include "analysis/objects.h"
#include "model/report.h"

namespace cw {

// Locks that are alike: of one process, one kind, acquired in one function.
struct ClassKey {
  std::vector<std::int32_t> pids;
  LockKind kind = LockKind::kUnknown;
  std::string function;

  auto operator<=>(const ClassKey&) const = default;
};

struct Background {
  std::map<LockKind, NotListed> by_kind;
  NotListed unsure;                        // kinds that are not certain, and words of unknown use
  std::map<ClassKey, NotListed> by_class;  // of those in by_kind, where the function is known
  // Mean threads waiting less runnable, by process.
  std::map<std::int32_t, double> on_locks;
  std::map<std::int32_t, double> idle;

  void add(const LockObject& object, const Interval& interval);
  // Takes a class out of what is only summed up.
  NotListed take(const ClassKey& key);
  // Of all kinds that are locks, or that are idle.
  [[nodiscard]] NotListed locks() const;
  [[nodiscard]] NotListed idle_waits() const;
};

// Leaves the `most` objects with the most waiting in `objects`, in their order. A lock's level
// follows its waiting, so none that is guilty is among the others.
Background set_apart(std::vector<LockObject>& objects, std::size_t most, const Interval& interval);

}  // namespace cw
