#include "analysis/arithmetic.h"

#include <fmt/format.h>

#include <cmath>

#include "output/format.h"

namespace cw {
namespace {

constexpr double kAgree = 0.1;          // rate x duration and the mean may differ by so much
constexpr double kWorthTelling = 0.05;  // share of the waiting that run-queue delay must reach

// Why the product of completed waits differs from what was measured.
std::string why(const LockReport& report, double product) {
  if (product > report.waiters_mean)
    return " in this interval: waits that began before it count at their whole length";
  if (report.in_progress != 0)
    return fmt::format(": {} still in progress", format_plural(report.in_progress, "wait"));
  return {};
}

std::string product_text(const Lock& lock, double interval_s, const std::string& waiting) {
  const LockReport& report = lock.report;
  if (report.waits == 0) {
    const std::string waits = format_plural(report.in_progress, "wait");
    return lock.spans_interval ? fmt::format("{} through the whole interval = {}", waits, waiting)
                               : fmt::format("{} in progress, none ended: {}", waits, waiting);
  }
  const double mean_ns =
      static_cast<double>(report.wait.sum_ns) / static_cast<double>(report.waits);
  const double product = interval_s > 0 ? report.waits_per_s * mean_ns / 1e9 : 0;
  const std::string factors =
      fmt::format("{} waits/s x {}", format_rate(report.waits_per_s), format_duration(mean_ns));
  if (std::abs(product - report.waiters_mean) <= kAgree * report.waiters_mean)
    return fmt::format("{} = {}", factors, waiting);
  return fmt::format("{} = {}, measured {}{}", factors, format_mean(product), waiting,
                     why(report, product));
}

}  // namespace

std::string some_of(const LockReport& lock, std::uint64_t threads) {
  const double waiting = lock.waiters_mean;
  const std::string mean = format_mean(waiting);
  // Threads come and go: there may be fewer at the one moment when they were counted.
  if (threads != 0 && waiting <= static_cast<double>(threads))
    return fmt::format("{} of {}", mean, format_plural(threads, waiter_of(lock)));
  return fmt::format("{} {}s", mean, waiter_of(lock));
}

std::string lock_arithmetic(const Lock& lock, double interval_s, std::uint64_t threads) {
  const LockReport& report = lock.report;
  const std::string waiting = some_of(report, threads) + " waiting";
  std::string sum = product_text(lock, interval_s, waiting);
  sum += fmt::format(", somebody waiting {}{} of the time",
                     report.busy_share_bounds ? "about " : "", format_share(report.busy_share));
  if (report.busy_share_bounds)
    sum += fmt::format(" (between {} and {})", format_share(report.busy_share_bounds->first),
                       format_share(report.busy_share_bounds->second));
  if (report.runnable_mean > kWorthTelling * report.waiters_mean)
    sum += fmt::format("; less {} that only lacked CPU = {}", format_mean(report.runnable_mean),
                       format_mean(lock.net_waiters()));
  return sum;
}

}  // namespace cw
