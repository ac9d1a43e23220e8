#include "analysis/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "analysis/alloc_rows.h"
#include "analysis/memory_rows.h"
#include "output/format.h"

namespace cw {
namespace {

using Lines = std::vector<std::string>;

const char* sign(bool reached) {
  return reached ? ">=" : "<";
}

// "2.2 >= 0.5 (waiters.culprit)".
std::string compared(const std::string& value, bool reached, const std::string& threshold,
                     std::string_view key) {
  return fmt::format("{} {} {} ({})", value, sign(reached), threshold, key);
}

void explain_waiting(const LockReport& lock, double interval_s, Lines& lines) {
  if (lock.waits != 0) {
    const auto sum_ns = static_cast<double>(lock.wait.sum_ns);
    const double mean_ns = sum_ns / static_cast<double>(lock.waits);
    lines.push_back(fmt::format("waits/s = waits / time = {} / {} = {}", format_count(lock.waits),
                                format_duration(interval_s * 1e9), format_rate(lock.waits_per_s)));
    lines.push_back(fmt::format("mean wait = sum / waits = {} / {} = {}", format_duration(sum_ns),
                                format_count(lock.waits), format_duration(mean_ns)));
    lines.push_back(
        fmt::format("waiting (Little) = waits/s x mean wait = {} x {} = {}; measured, "
                    "as an integral over the interval: {}",
                    format_rate(lock.waits_per_s), format_duration(mean_ns),
                    format_mean(lock.waits_per_s * mean_ns / 1e9), format_mean(lock.waiters_mean)));
  } else if (lock.in_progress != 0) {
    lines.push_back(fmt::format("waiting, as an integral over the interval: {}; no wait ended",
                                format_mean(lock.waiters_mean)));
  }
}

void explain_level(const LockReport& lock, const Thresholds& thresholds, Lines& lines) {
  const LockThresholds of = thresholds.of(lock.kind);
  const double net = std::max(0.0, lock.waiters_mean - lock.runnable_mean);
  const double busy = lock.waiters_mean > 0 ? lock.busy_share * net / lock.waiters_mean : 0;
  lines.push_back(
      fmt::format("waiting, less what only lacked CPU = {} - {} = {}; busy likewise = "
                  "{} x {} / {} = {}",
                  format_mean(lock.waiters_mean), format_mean(lock.runnable_mean), format_mean(net),
                  format_share(lock.busy_share), format_mean(net), format_mean(lock.waiters_mean),
                  format_share(busy)));
  const auto waiting = [&](double threshold, std::string_view key) {
    return compared(format_mean(net), net >= threshold, format_mean(threshold), key);
  };
  const auto busily = [&](double threshold, std::string_view key) {
    return compared(format_share(busy), busy >= threshold, format_share(threshold), key);
  };
  lines.push_back(fmt::format("culprit where both: {}; {}",
                              waiting(of.waiters_culprit, "waiters.culprit"),
                              busily(of.busy_culprit, "busy.culprit")));
  lines.push_back(fmt::format("suspect where either: {}; {}: {}{}",
                              waiting(of.waiters_suspect, "waiters.suspect"),
                              busily(of.busy_suspect, "busy.suspect"), name_of(lock.level),
                              lock.cause.empty() ? "" : ", " + lock.cause));
}

void explain_sections(const SectionsReport& sections, Lines& lines) {
  if (!sections.acquisitions_per_s) return;
  const Estimate& rate = *sections.acquisitions_per_s;
  if (sections.bounds_only) {
    lines.push_back(
        fmt::format("acquisitions/s >= (wakes - 1) / time = {}", format_rate(rate.low)));
    if (sections.hold_mean_ns)
      lines.push_back(fmt::format("mean hold <= time / (wakes - 1) = 1 / {} = {}",
                                  format_rate(rate.low),
                                  format_duration(sections.hold_mean_ns->high)));
    return;
  }
  if (!sections.hold_mean_ns || !sections.utilisation) return;
  const std::string hold = format_duration(sections.hold_mean_ns->estimate);
  lines.push_back(fmt::format("utilisation = acquisitions/s x mean hold = {} x {} = {}",
                              format_rate(rate.estimate), hold,
                              format_mean(*sections.utilisation)));
  if (!sections.ceiling_per_s) return;
  lines.push_back(fmt::format("ceiling = 1 / mean hold = 1 / {} = {}/s", hold,
                              format_rate(*sections.ceiling_per_s)));
  if (sections.ceiling_threads)
    lines.push_back(fmt::format("threads that reach it = (think + hold) / hold = {}",
                                format_mean(*sections.ceiling_threads)));
}

void explain_allocator(AllocatorReport& row, const Thresholds& thresholds) {
  if (!row.cores || !row.allocs_per_s || !row.frees_per_s) return;
  row.explanation.push_back(fmt::format(
      "cores = (allocs/s + frees/s) x {} = ({} + {}) x {} = {}", format_duration(kCallNs),
      format_rate(row.allocs_per_s->estimate), format_rate(row.frees_per_s->estimate),
      format_duration(kCallNs), format_cores(*row.cores)));
  row.explanation.push_back(
      fmt::format("{}; {}: {}",
                  compared(format_cores(*row.cores), *row.cores >= thresholds.alloc_cores_culprit,
                           format_cores(thresholds.alloc_cores_culprit), "alloc.cores.culprit"),
                  compared(format_cores(*row.cores), *row.cores >= thresholds.alloc_cores_suspect,
                           format_cores(thresholds.alloc_cores_suspect), "alloc.cores.suspect"),
                  name_of(row.level)));
}

void explain_memory(MemoryReport& row, const Thresholds& thresholds) {
  const double cores = row.minor_faults_per_s * kMinorFaultNs / 1e9;
  row.explanation.push_back(fmt::format(
      "cores = minor faults/s x {} = {} x {} = {}", format_duration(kMinorFaultNs),
      format_rate(row.minor_faults_per_s), format_duration(kMinorFaultNs), format_cores(cores)));
  row.explanation.push_back(
      fmt::format("{}; {}: {}",
                  compared(format_cores(cores), cores >= thresholds.memory_cores_culprit,
                           format_cores(thresholds.memory_cores_culprit), "memory.cores.culprit"),
                  compared(format_cores(cores), cores >= thresholds.memory_cores_suspect,
                           format_cores(thresholds.memory_cores_suspect), "memory.cores.suspect"),
                  name_of(row.level)));
}

}  // namespace

void explain(Report& report, const Thresholds& thresholds) {
  for (LockReport& lock : report.locks) {
    explain_waiting(lock, report.interval_s, lock.explanation);
    explain_level(lock, thresholds, lock.explanation);
    if (lock.sections) explain_sections(*lock.sections, lock.explanation);
  }
  for (AllocatorReport& row : report.allocators) explain_allocator(row, thresholds);
  for (MemoryReport& row : report.memory) explain_memory(row, thresholds);
}

}  // namespace cw
