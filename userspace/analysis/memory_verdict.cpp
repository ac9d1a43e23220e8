#include "analysis/memory_verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/memory_rows.h"
#include "output/format.h"

namespace cw {
namespace {

std::string whose(const Report& report, const std::string& comm, std::int32_t pid) {
  return report.processes.size() > 1 ? fmt::format(" ({}, pid {})", comm, pid) : std::string();
}

// Takes over the verdict if this is worse than what it rests on so far.
template <typename Row>
void blame(Report& report, const Row& row, std::string summary) {
  Verdict& verdict = report.verdict;
  if (row.level <= verdict.level) return;
  verdict.level = row.level;
  verdict.summary = std::move(summary);
  verdict.arithmetic = row.arithmetic;
  verdict.advice = row.advice;
}

std::string allocator_summary(const Report& report, const AllocatorReport& row) {
  if (row.cores.value_or(0) * report.interval_s >= row.lock_wait_s.value_or(0))
    return fmt::format("allocator {}: its calls take {} cores{}", row.allocator,
                       format_cores(row.cores.value_or(0)), whose(report, row.comm, row.pid));
  return fmt::format("allocator {}: {} threads wait for its own locks{}", row.allocator,
                     format_mean(row.lock_wait_s.value_or(0) / std::max(0.001, report.interval_s)),
                     whose(report, row.comm, row.pid));
}

std::string memory_summary(const Report& report, const MemoryReport& row) {
  if (row.exhausted_in_s)
    return fmt::format("memory grows: exhausted in {}{}",
                       format_duration(*row.exhausted_in_s * 1e9),
                       whose(report, row.comm, row.pid));
  return fmt::format("memory: page faults take {} cores{}",
                     format_cores(row.minor_faults_per_s * kMinorFaultNs / 1e9),
                     whose(report, row.comm, row.pid));
}

void clear_allocators(const Report& report, std::vector<std::string>& cleared) {
  double cores = 0;
  std::size_t fine = 0;
  const AllocatorReport* first = nullptr;
  for (const AllocatorReport& row : report.allocators) {
    if (row.level != Level::kFine) continue;
    if (first == nullptr) first = &row;
    cores += row.cores.value_or(0);
    ++fine;
  }
  if (first == nullptr) return;
  cleared.push_back(fmt::format("allocator {}{}: {}", first->allocator,
                                whose(report, first->comm, first->pid), first->arithmetic));
  if (fine > 1)
    cleared.push_back(
        fmt::format("{} allocators together: {} cores", format_count(fine), format_cores(cores)));
}

void clear_memory(const Report& report, std::vector<std::string>& cleared) {
  double faults = 0;
  std::size_t fine = 0;
  const MemoryReport* first = nullptr;
  for (const MemoryReport& row : report.memory) {
    if (row.level != Level::kFine) continue;
    if (first == nullptr) first = &row;
    faults += row.minor_faults_per_s;
    ++fine;
  }
  if (first == nullptr) return;
  cleared.push_back(
      fmt::format("memory{}: {}", whose(report, first->comm, first->pid), first->arithmetic));
  if (fine > 1)
    cleared.push_back(fmt::format("memory of {} processes: {} minor faults/s", format_count(fine),
                                  format_rate(faults)));
}

// What a clean bill rests on, in half a sentence.
std::string also_fine(const Report& report) {
  std::string text;
  const auto known = std::ranges::find_if(
      report.allocators, [](const AllocatorReport& row) { return row.cores.has_value(); });
  if (known != report.allocators.end()) {
    double cores = 0;
    for (const AllocatorReport& row : report.allocators) cores += row.cores.value_or(0);
    text += fmt::format(", {} {} cores",
                        report.allocators.size() == 1 ? "the allocator takes" : "allocators take",
                        format_cores(cores));
  }
  if (!report.memory.empty()) {
    double faults = 0;
    for (const MemoryReport& row : report.memory) faults += row.minor_faults_per_s;
    text += fmt::format(", page faults take {} cores", format_cores(faults * kMinorFaultNs / 1e9));
  }
  return text;
}

}  // namespace

void conclude_memory(Report& report, const Observed& observed) {
  report.observed = observed;
  Verdict& verdict = report.verdict;
  if (!observed.locks) {
    verdict.summary = "locks were not observed";
    verdict.not_seen.clear();
    verdict.not_seen.emplace_back("locks (--observe)");
    verdict.cleared.clear();
  }
  if (!report.allocators.empty())
    blame(report, report.allocators.front(), allocator_summary(report, report.allocators.front()));
  if (!report.memory.empty())
    blame(report, report.memory.front(), memory_summary(report, report.memory.front()));
  if (verdict.level == Level::kFine) verdict.summary += also_fine(report);
  clear_allocators(report, verdict.cleared);
  clear_memory(report, verdict.cleared);
  if (!observed.alloc) verdict.not_seen.emplace_back("allocations (--observe)");
  if (!observed.memory) verdict.not_seen.emplace_back("memory (--observe)");
}

}  // namespace cw
