// Processes by the threads they lose to waiting for locks.
#include <algorithm>
#include <array>

#include "live/tables.h"
#include "output/format.h"
#include "output/symbol.h"

namespace cw::live {
namespace {

class ProcessTable : public Table {
 public:
  explicit ProcessTable(const Report& report) : report_(report), rows_(report.processes) {}

  [[nodiscard]] std::span<const Column> columns() const override { return kColumns; }
  [[nodiscard]] std::size_t size() const override { return rows_.size(); }
  [[nodiscard]] RowId id(std::size_t row) const override { return id_of(rows_[row]); }
  [[nodiscard]] double trend(std::size_t row) const override {
    return rows_[row].threads_mean.lock_wait;
  }
  [[nodiscard]] double trend_top() const override { return kSuspectTrend; }
  [[nodiscard]] Level level(std::size_t row) const override {
    const LockReport* const worst = worst_lock(row);
    return worst == nullptr ? Level::kFine : worst->level;
  }

  [[nodiscard]] std::string text(std::size_t row, std::size_t column) const override {
    const ProcessReport& process = rows_[row];
    switch (column) {
      case kPid:
        return std::to_string(process.pid);
      case kComm:
        return process.comm;
      case kThreads:
        return process.ended ? "ended" : format_count(process.threads);
      case kLost:
        return format_mean(process.threads_mean.lock_wait);
      case kOnCpu:
        return format_mean(process.threads_mean.on_cpu);
      case kRunnable:
        return format_mean(process.threads_mean.runnable);
      case kIdle:
        return format_mean(process.threads_mean.idle_wait);
      default:
        break;
    }
    const LockReport* const worst = worst_lock(row);
    if (worst == nullptr) return {};
    return worst->has_symbol ? short_symbol(worst->name) : worst->name;
  }

  [[nodiscard]] double value(std::size_t row, std::size_t column) const override {
    const ProcessReport& process = rows_[row];
    switch (column) {
      case kPid:
        return process.pid;
      case kThreads:
        return static_cast<double>(process.threads);
      case kOnCpu:
        return process.threads_mean.on_cpu;
      case kRunnable:
        return process.threads_mean.runnable;
      case kIdle:
        return process.threads_mean.idle_wait;
      default:
        return process.threads_mean.lock_wait;
    }
  }

  [[nodiscard]] bool contains(std::size_t row, std::string_view needle) const override {
    const ProcessReport& process = rows_[row];
    return is_in(process.comm, needle) || is_in(std::to_string(process.pid), needle) ||
           is_in(process.cgroup, needle) || is_in(process.exe, needle);
  }
  [[nodiscard]] bool is_of(std::size_t row, std::int32_t pid) const override {
    return rows_[row].pid == pid;
  }
  [[nodiscard]] std::string remark() const override {
    return rows_.empty() ? "no process was seen" : "";
  }

 private:
  enum Place : std::uint8_t { kPid, kComm, kThreads, kLost, kOnCpu, kRunnable, kIdle, kWorst };

  static constexpr std::array<Column, 8> kColumns = {{
      {.title = "PID", .width = 8, .left = true},
      {.title = "COMM", .width = 16, .left = true, .sorts = false},
      {.title = "THREADS", .width = 8},
      {.title = "LOST", .width = 8},
      {.title = "ON CPU", .width = 8},
      {.title = "RUNNABLE", .width = 10, .screen = 96},
      {.title = "IDLE", .width = 8, .screen = 110},
      {.title = "WORST LOCK", .left = true, .screen = 76, .sorts = false, .is_level = true},
  }};

  // Only asked for rows that are shown: it goes through all locks.
  [[nodiscard]] const LockReport* worst_lock(std::size_t row) const {
    const auto found = std::ranges::find_if(report_.locks, [&](const LockReport& lock) {
      return std::ranges::find(lock.pids, rows_[row].pid) != lock.pids.end();
    });
    return found == report_.locks.end() ? nullptr : &*found;
  }

  const Report& report_;
  const std::vector<ProcessReport>& rows_;
};

}  // namespace

std::unique_ptr<Table> process_table(const Report& report) {
  return std::make_unique<ProcessTable>(report);
}

}  // namespace cw::live
