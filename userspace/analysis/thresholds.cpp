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

Result<void> ordered(std::string_view what, double suspect, double culprit) {
  if (suspect <= culprit) return {};
  return fail(Exit::kUsage, fmt::format("threshold {0}.suspect ({1}) is above {0}.culprit ({2}): "
                                        "a culprit has to be a suspect first",
                                        what, suspect, culprit));
}

}  // namespace

std::string known_thresholds() {
  std::string names;
  for (const Key& key : kKeys) names.append(names.empty() ? "" : ", ").append(key.name);
  return names;
}

Result<void> set(Thresholds& thresholds, std::string_view key, double value) {
  const auto* const found = std::ranges::find(kKeys, key, &Key::name);
  if (found == kKeys.end())
    return fail(Exit::kUsage,
                fmt::format("no threshold \"{}\"; there are: {}", key, known_thresholds()));
  if (!std::isfinite(value) || value < 0)
    return fail(Exit::kUsage,
                fmt::format("threshold {} takes a number from 0 up, not {}", key, value));
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
  if (set.growth_hours_culprit <= set.growth_hours_suspect) return {};
  return fail(Exit::kUsage,
              fmt::format("threshold growth.hours.culprit ({}) is above growth.hours.suspect ({}): "
                          "the less time is left, the worse",
                          set.growth_hours_culprit, set.growth_hours_suspect));
}

}  // namespace cw
