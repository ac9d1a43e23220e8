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
  if (auto waiters =
          ordered("lock.waiters", thresholds.lock_waiters_suspect, thresholds.lock_waiters_culprit);
      !waiters)
    return waiters;
  return ordered("lock.busy", thresholds.lock_busy_suspect, thresholds.lock_busy_culprit);
}

}  // namespace cw
