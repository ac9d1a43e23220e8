// Locks, and idle waits, which are rows of the same kind.
#include <algorithm>
#include <array>

#include "live/tables.h"
#include "output/format.h"
#include "output/symbol.h"

namespace cw::live {
namespace {

double mean_wait(const LockReport& lock) {
  return lock.waits == 0 ? 0
                         : static_cast<double>(lock.wait.sum_ns) / static_cast<double>(lock.waits);
}

std::string waiting_in(const LockReport& lock) {
  if (lock.waiters.empty()) return {};
  const Stack& stack = lock.waiters.front().stack;
  if (stack.own >= stack.frames.size()) return {};
  const Frame& frame = stack.frames[stack.own];
  const std::string place = source_line(frame);
  return short_symbol(frame.function) + (place.empty() ? "" : "  " + place);
}

class LockTable : public Table {
 public:
  enum Place : std::uint8_t {
    kKind,
    kName,
    kComm,
    kLevel,
    kRate,
    kMean,
    kP99,
    kWaiting,
    kBusy,
    kIn
  };

  // Rate times duration is the number waiting: on a narrow screen the duration gives way.
  static constexpr std::array<Column, 10> kOneProcess = {{
      {.title = "KIND", .width = 8, .left = true, .screen = 70, .sorts = false},
      {.title = "LOCK", .left = true, .sorts = false},
      {.title = "COMM", .width = 16, .left = true, .screen = 170, .sorts = false},
      {.title = "LEVEL", .width = 8, .left = true, .sorts = false, .is_level = true},
      {.title = "WAITS/S", .width = 9},
      {.title = "MEAN WAIT", .width = 10, .screen = 84},
      {.title = "P99", .width = 9, .screen = 110},
      {.title = "WAITING", .width = 8},
      {.title = "BUSY", .width = 7},
      {.title = "WAITING IN", .left = true, .screen = 150, .sorts = false},
  }};

  // Of several, a row says whose lock it is.
  static constexpr std::array<Column, 10> kSeveral = [] {
    auto columns = kOneProcess;
    columns[kKind].screen = 100;
    columns[kComm].screen = 70;
    columns[kMean].screen = 100;
    return columns;
  }();

  static constexpr std::array<Column, 10> kIdle = [] {
    auto columns = kOneProcess;
    columns[kKind] = {.title = "KIND", .width = 11, .left = true, .sorts = false};
    columns[kName].title = "IDLE WAIT";
    columns[kLevel].screen = ~std::size_t{0};  // idle is not contention
    columns[kIn].screen = 110;
    return columns;
  }();

  LockTable(const std::vector<LockReport>& rows, std::span<const Column> columns, NotListed more)
      : rows_(rows), columns_(columns), more_(more) {}

  [[nodiscard]] std::span<const Column> columns() const override { return columns_; }
  [[nodiscard]] std::size_t size() const override { return rows_.size(); }
  [[nodiscard]] RowId id(std::size_t row) const override { return id_of(rows_[row]); }
  [[nodiscard]] Level level(std::size_t row) const override { return rows_[row].level; }
  [[nodiscard]] double trend(std::size_t row) const override { return rows_[row].waiters_mean; }
  [[nodiscard]] double trend_top() const override { return kSuspectTrend; }

  [[nodiscard]] std::string text(std::size_t row, std::size_t column) const override {
    const LockReport& lock = rows_[row];
    switch (column) {
      case kKind:
        return cw::name_of(lock.kind);
      case kName:
        return lock.has_symbol ? short_symbol(lock.name) : lock.name;
      case kComm:
        return lock.comm;
      case kLevel:
        return cw::name_of(lock.level);
      case kRate:
        return format_rate(lock.waits_per_s);
      case kMean:
        return lock.waits == 0 ? "-" : format_duration(mean_wait(lock));
      case kP99:
        return lock.wait.histogram.empty()
                   ? "-"
                   : format_duration(static_cast<double>(lock.wait.histogram.percentile(0.99)));
      case kWaiting:
        return format_mean(lock.waiters_mean);
      case kBusy:
        return format_share(lock.busy_share);
      default:
        return waiting_in(lock);
    }
  }

  [[nodiscard]] double value(std::size_t row, std::size_t column) const override {
    const LockReport& lock = rows_[row];
    switch (column) {
      case kRate:
        return lock.waits_per_s;
      case kMean:
        return mean_wait(lock);
      case kP99:
        return static_cast<double>(lock.wait.histogram.percentile(0.99));
      case kBusy:
        return lock.busy_share;
      default:
        return lock.waiters_mean;
    }
  }

  [[nodiscard]] bool contains(std::size_t row, std::string_view needle) const override {
    const LockReport& lock = rows_[row];
    return is_in(lock.name, needle) || is_in(cw::name_of(lock.kind), needle) ||
           is_in(lock.comm, needle) || is_in(lock.object, needle) ||
           is_in(waiting_in(lock), needle);
  }
  [[nodiscard]] bool is_of(std::size_t row, std::int32_t pid) const override {
    return std::ranges::find(rows_[row].pids, pid) != rows_[row].pids.end();
  }

  [[nodiscard]] std::string remark() const override {
    if (more_.count == 0) return rows_.empty() ? "nobody waited in this interval" : "";
    return format_count(more_.count) + " more are not listed: together " +
           format_mean(more_.waiters_mean) + " threads waiting";
  }

 private:
  const std::vector<LockReport>& rows_;
  std::span<const Column> columns_;
  NotListed more_;
};

}  // namespace

std::unique_ptr<Table> lock_table(const Report& report) {
  const std::span<const Column> columns = report.processes.size() > 1
                                              ? std::span<const Column>(LockTable::kSeveral)
                                              : LockTable::kOneProcess;
  return std::make_unique<LockTable>(report.locks, columns, report.locks_not_listed);
}

std::unique_ptr<Table> idle_table(const Report& report) {
  return std::make_unique<LockTable>(report.waits, LockTable::kIdle, report.waits_not_listed);
}

}  // namespace cw::live
