#include "analysis/thresholds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace cw {
namespace {

struct Key {
  std::string_view name;
  double Thresholds::* field;
};

constexpr std::array kKeys = {
    Key{"lock.waiters.suspect", &Thresholds::lock_waiters_suspect},
    Key{"lock.waiters.culprit", &Thresholds::lock_waiters_culprit},
    Key{"lock.busy.suspect", &Thresholds::lock_busy_suspect},
    Key{"lock.busy.culprit", &Thresholds::lock_busy_culprit},
    Key{"alloc.cores.suspect", &Thresholds::alloc_cores_suspect},
    Key{"alloc.cores.culprit", &Thresholds::alloc_cores_culprit},
    Key{"alloc.waiters.suspect", &Thresholds::alloc_waiters_suspect},
    Key{"alloc.waiters.culprit", &Thresholds::alloc_waiters_culprit},
    Key{"memory.cores.suspect", &Thresholds::memory_cores_suspect},
    Key{"memory.cores.culprit", &Thresholds::memory_cores_culprit},
    Key{"memory.stalled.suspect", &Thresholds::memory_stalled_suspect},
    Key{"memory.stalled.culprit", &Thresholds::memory_stalled_culprit},
    Key{"growth.hours.suspect", &Thresholds::growth_hours_suspect},
    Key{"growth.hours.culprit", &Thresholds::growth_hours_culprit},
};

struct KindKey {
  std::string_view name;
  std::optional<double> LockExceptions::* field;
};

// After the name of a kind of lock.
constexpr std::array kKindKeys = {
    KindKey{".waiters.suspect", &LockExceptions::waiters_suspect},
    KindKey{".waiters.culprit", &LockExceptions::waiters_culprit},
    KindKey{".busy.suspect", &LockExceptions::busy_suspect},
    KindKey{".busy.culprit", &LockExceptions::busy_culprit},
};

constexpr std::array kLockKinds = {LockKind::kMutex,  LockKind::kRwlock, LockKind::kAllocator,
                                   LockKind::kGil,    LockKind::kStdio,  LockKind::kOnce,
                                   LockKind::kUnknown};

// Null: no such key.
std::optional<double>* exception_at(Thresholds& thresholds, std::string_view key) {
  for (const LockKind kind : kLockKinds)
    for (const KindKey& known : kKindKeys)
      if (key == std::string(name_of(kind)).append(known.name))
        return &(thresholds.by_kind[kind].*(known.field));
  return nullptr;
}

Result<void> ordered(std::string_view what, double suspect, double culprit) {
  if (suspect <= culprit) return {};
  return fail(Exit::kUsage, fmt::format("threshold {0}.suspect ({1}) is above {0}.culprit ({2}): "
                                        "a culprit has to be a suspect first",
                                        what, suspect, culprit));
}

}  // namespace

LockThresholds Thresholds::of(LockKind kind) const {
  const auto found = by_kind.find(kind);
  const LockExceptions own = found == by_kind.end() ? LockExceptions{} : found->second;
  return {.waiters_suspect = own.waiters_suspect.value_or(lock_waiters_suspect),
          .waiters_culprit = own.waiters_culprit.value_or(lock_waiters_culprit),
          .busy_suspect = own.busy_suspect.value_or(lock_busy_suspect),
          .busy_culprit = own.busy_culprit.value_or(lock_busy_culprit)};
}

std::string known_thresholds() {
  std::string names;
  for (const Key& key : kKeys) names.append(names.empty() ? "" : ", ").append(key.name);
  names += "; for one kind of lock: ";
  for (const LockKind kind : kLockKinds)
    names.append(kind == kLockKinds.front() ? "" : "|").append(name_of(kind));
  for (const KindKey& key : kKindKeys)
    names.append(&key == &kKindKeys.front() ? " with " : ", ").append(key.name);
  return names;
}

Result<void> set(Thresholds& thresholds, std::string_view key, double value) {
  const auto* const found = std::ranges::find(kKeys, key, &Key::name);
  std::optional<double>* const exception =
      found == kKeys.end() ? exception_at(thresholds, key) : nullptr;
  if (found == kKeys.end() && exception == nullptr)
    return fail(Exit::kUsage,
                fmt::format("no threshold \"{}\"; there are: {}", key, known_thresholds()));
  if (!std::isfinite(value) || value < 0)
    return fail(Exit::kUsage,
                fmt::format("threshold {} takes a number from 0 up, not {}", key, value));
  if (exception != nullptr)
    *exception = value;
  else
    thresholds.*(found->field) = value;
  return {};
}

Result<void> validate(const Thresholds& thresholds) {
  struct Pair {
    const char* what;
    double suspect;
    double culprit;
  };
  const Thresholds& set = thresholds;
  for (const Pair& pair :
       {Pair{"lock.waiters", set.lock_waiters_suspect, set.lock_waiters_culprit},
        Pair{"lock.busy", set.lock_busy_suspect, set.lock_busy_culprit},
        Pair{"alloc.cores", set.alloc_cores_suspect, set.alloc_cores_culprit},
        Pair{"alloc.waiters", set.alloc_waiters_suspect, set.alloc_waiters_culprit},
        Pair{"memory.cores", set.memory_cores_suspect, set.memory_cores_culprit},
        Pair{"memory.stalled", set.memory_stalled_suspect, set.memory_stalled_culprit}})
    if (auto fits = ordered(pair.what, pair.suspect, pair.culprit); !fits) return fits;
  for (const auto& [kind, exceptions] : set.by_kind) {
    const LockThresholds of = set.of(kind);
    const std::string name = name_of(kind);
    if (auto fits = ordered(name + ".waiters", of.waiters_suspect, of.waiters_culprit); !fits)
      return fits;
    if (auto fits = ordered(name + ".busy", of.busy_suspect, of.busy_culprit); !fits) return fits;
  }
  if (set.growth_hours_culprit <= set.growth_hours_suspect) return {};
  return fail(Exit::kUsage,
              fmt::format("threshold growth.hours.culprit ({}) is above growth.hours.suspect ({}): "
                          "the less time is left, the worse",
                          set.growth_hours_culprit, set.growth_hours_suspect));
}

}  // namespace cw
