#include "live/history.h"

#include <string>
#include <vector>

namespace cw::live {
namespace {

std::size_t bytes_of(const Stack& stack) {
  std::size_t bytes = sizeof(Stack);
  for (const Frame& frame : stack.frames)
    bytes += sizeof(Frame) + frame.function.size() + frame.module.size() +
             (frame.file ? frame.file->size() : 0);
  return bytes;
}

std::size_t bytes_of(const Distribution& distribution) {
  return distribution.histogram.buckets().size() * sizeof(std::pair<std::uint32_t, std::uint64_t>);
}

template <typename Rows>
std::size_t bytes_of_stacks(const Rows& rows) {
  std::size_t bytes = 0;
  for (const auto& row : rows) bytes += sizeof(row) + bytes_of(row.stack);
  return bytes;
}

// About what a report takes: its rows, their stacks and texts.
std::size_t bytes_of(const Report& report) {
  std::size_t bytes = sizeof(Report);
  for (const std::vector<LockReport>* rows : {&report.locks, &report.waits})
    for (const LockReport& lock : *rows) {
      bytes += sizeof(LockReport) + lock.name.size() + lock.object.size() + lock.arithmetic.size() +
               bytes_of(lock.wait) + bytes_of(lock.wake_gap) + bytes_of_stacks(lock.waiters) +
               bytes_of_stacks(lock.releasers);
      if (lock.sections) bytes += bytes_of_stacks(lock.sections->holders);
    }
  for (const ProcessReport& process : report.processes)
    bytes += sizeof(ProcessReport) + process.exe.size() + process.cgroup.size();
  for (const AllocatorReport& allocator : report.allocators)
    bytes += sizeof(AllocatorReport) + bytes_of_stacks(allocator.sites);
  for (const MemoryReport& memory : report.memory)
    bytes += sizeof(MemoryReport) + memory.arithmetic.size() + bytes_of_stacks(memory.sites);
  return bytes;
}

void thin(std::vector<LockReport>& rows, NotListed& rest) {
  if (rows.size() <= History::kRows) return;
  for (std::size_t i = History::kRows; i < rows.size(); ++i)
    rest += {.count = rows[i].objects,
             .waits = rows[i].waits,
             .sum_ns = rows[i].wait.sum_ns,
             .waiters_mean = rows[i].waiters_mean};
  rows.resize(History::kRows);
  rows.shrink_to_fit();
}

void thin(Report& report) {
  thin(report.locks, report.locks_not_listed);
  thin(report.waits, report.waits_not_listed);
}

}  // namespace

void History::add(Report report) {
  if (!kept_.empty()) thin_newest();
  kept_.push_back({.report = std::make_shared<Report>(std::move(report))});
  ++newest_;
  while (kept_.size() > 1 && (kept_.size() > kReports || bytes_ > kBytes)) {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
  }
}

void History::keep_only(std::uint64_t number, Report report) {
  kept_.clear();
  bytes_ = 0;
  kept_.push_back({.report = std::make_shared<Report>(std::move(report))});
  newest_ = number;
}

void History::thin_newest() {
  Kept& newest = kept_.back();
  if (newest.report.use_count() > 1) newest.report = std::make_shared<Report>(*newest.report);
  thin(*newest.report);
  newest.bytes = bytes_of(*newest.report);
  bytes_ += newest.bytes;
}

}  // namespace cw::live
