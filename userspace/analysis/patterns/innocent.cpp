// What looks like the lock's doing and is not.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/patterns/families.h"
#include "output/format.h"

namespace cw::patterns {
namespace {

constexpr double kManyWaits = 1'000;  // a second
constexpr double kThrottledPct = 5;

// "; control group /orders is throttled in 31 % of its periods".
std::string throttling(const Report& report) {
  const auto throttled = [](const CgroupReport& group) {
    return group.cpu_throttled_pct.value_or(0);
  };
  const auto worst = std::ranges::max_element(report.cgroups, {}, throttled);
  if (worst == report.cgroups.end() || throttled(*worst) < kThrottledPct) return {};
  return fmt::format("; control group {} is throttled in {} of its periods", worst->path,
                     format_share(throttled(*worst) / 100));
}

}  // namespace

Found cpu_starvation(const LockReport& lock, const Report& report) {
  if (lock.cause != "cpu starvation") return std::nullopt;
  return Pattern{
      .name = "cpu_starvation",
      .evidence = fmt::format(
          "of {} threads waiting, {} had been let go on and only lacked a CPU{}",
          format_mean(lock.waiters_mean), format_mean(lock.runnable_mean), throttling(report))};
}

Found false_alarm(const LockReport& lock, const Report& /*report*/) {
  if (lock.level != Level::kFine || !lock.cause.empty() || lock.kind == LockKind::kUnknown)
    return std::nullopt;
  if (lock.waits_per_s < kManyWaits || lock.waits == 0) return std::nullopt;
  const double mean_ns = static_cast<double>(lock.wait.sum_ns) / static_cast<double>(lock.waits);
  return Pattern{
      .name = "false_alarm",
      .evidence = fmt::format("{} waits/s look bad, but x {} they are {} threads waiting",
                              format_rate(lock.waits_per_s), format_duration(mean_ns),
                              format_mean(lock.waiters_mean))};
}

}  // namespace cw::patterns
