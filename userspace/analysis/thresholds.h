// The numbers at which a finding becomes a suspect or a culprit.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.h"
#include "model/report.h"

namespace cw {

struct LockThresholds {
  double waiters_suspect = 0;
  double waiters_culprit = 0;
  double busy_suspect = 0;
  double busy_culprit = 0;
};

// Of one kind of lock, where it differs from the others.
struct LockExceptions {
  std::optional<double> waiters_suspect;
  std::optional<double> waiters_culprit;
  std::optional<double> busy_suspect;
  std::optional<double> busy_culprit;
};

struct Thresholds {
  double lock_waiters_suspect = 0.1;
  double lock_waiters_culprit = 0.5;
  double lock_busy_suspect = 0.1;
  double lock_busy_culprit = 0.5;
  double alloc_cores_suspect = 0.1;
  double alloc_cores_culprit = 0.5;
  double alloc_waiters_suspect = 0.05;
  double alloc_waiters_culprit = 0.5;
  double memory_cores_suspect = 0.1;
  double memory_cores_culprit = 0.5;
  double memory_stalled_suspect = 0.1;  // share of the time (PSI, some)
  double memory_stalled_culprit = 0.5;
  double growth_hours_suspect = 24;  // until memory is exhausted: less is worse
  double growth_hours_culprit = 1;
  std::map<LockKind, LockExceptions> by_kind;

  // Those that apply to a kind of lock.
  [[nodiscard]] LockThresholds of(LockKind kind) const;
};

inline Level level_of(double value, double suspect, double culprit) {
  if (value >= culprit) return Level::kCulprit;
  return value >= suspect ? Level::kSuspect : Level::kFine;
}

// Sets one threshold by its public name, such as "lock.waiters.suspect", or "gil.waiters.suspect"
// for one kind of lock.
Result<void> set(Thresholds& thresholds, std::string_view key, double value);
// To be called once all are set: a culprit's threshold may not lie below a suspect's.
Result<void> validate(const Thresholds& thresholds);
// All public names, comma separated, for messages and help.
std::string known_thresholds();

}  // namespace cw
