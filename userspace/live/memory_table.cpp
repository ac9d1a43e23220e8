// Processes by what they do to memory.
#include <array>
#include <cmath>

#include "live/tables.h"
#include "output/format.h"

namespace cw::live {
namespace {

class MemoryTable : public Table {
 public:
  explicit MemoryTable(const Report& report) : report_(report), rows_(report.memory) {}

  [[nodiscard]] std::span<const Column> columns() const override { return kColumns; }
  [[nodiscard]] std::size_t size() const override { return rows_.size(); }
  [[nodiscard]] RowId id(std::size_t row) const override { return id_of(rows_[row]); }
  [[nodiscard]] Level level(std::size_t row) const override { return rows_[row].level; }
  [[nodiscard]] double trend(std::size_t row) const override {
    return static_cast<double>(rows_[row].rss_anon_bytes);
  }

  [[nodiscard]] std::string text(std::size_t row, std::size_t column) const override {
    const MemoryReport& memory = rows_[row];
    switch (column) {
      case kPid:
        return std::to_string(memory.pid);
      case kComm:
        return memory.comm;
      case kLevel:
        return cw::name_of(memory.level);
      case kRss:
        return format_bytes(static_cast<double>(memory.rss_anon_bytes));
      case kGrowth:
        return (memory.rss_growth_bytes_per_s < 0 ? "-" : "") +
               format_bytes(std::abs(memory.rss_growth_bytes_per_s));
      case kMinor:
        return format_rate(memory.minor_faults_per_s);
      case kMajor:
        return format_rate(memory.major_faults_per_s);
      case kCalls:
        return memory.mmap_per_s ? format_rate(*memory.mmap_per_s) : "-";
      default:
        return memory.exhausted_in_s ? format_duration(*memory.exhausted_in_s * 1e9) : "-";
    }
  }

  [[nodiscard]] double value(std::size_t row, std::size_t column) const override {
    const MemoryReport& memory = rows_[row];
    switch (column) {
      case kPid:
        return memory.pid;
      case kGrowth:
        return memory.rss_growth_bytes_per_s;
      case kMinor:
        return memory.minor_faults_per_s;
      case kMajor:
        return memory.major_faults_per_s;
      case kCalls:
        return memory.mmap_per_s.value_or(0);
      case kLeft:  // the one that has least comes first
        return memory.exhausted_in_s ? -*memory.exhausted_in_s : -HUGE_VAL;
      default:
        return static_cast<double>(memory.rss_anon_bytes);
    }
  }

  [[nodiscard]] bool contains(std::size_t row, std::string_view needle) const override {
    return is_in(rows_[row].comm, needle) || is_in(std::to_string(rows_[row].pid), needle);
  }
  [[nodiscard]] bool is_of(std::size_t row, std::int32_t pid) const override {
    return rows_[row].pid == pid;
  }
  [[nodiscard]] std::string remark() const override {
    if (!report_.observed.memory) return "memory is not observed (--observe)";
    return rows_.empty() ? "nothing was seen yet" : "";
  }

 private:
  enum Place : std::uint8_t { kPid, kComm, kLevel, kRss, kGrowth, kMinor, kMajor, kCalls, kLeft };

  static constexpr std::array<Column, 9> kColumns = {{
      {.title = "PID", .width = 8, .left = true},
      {.title = "COMM", .left = true, .sorts = false},
      {.title = "LEVEL", .width = 8, .left = true, .screen = 70, .sorts = false, .is_level = true},
      {.title = "RSS", .width = 8},
      {.title = "GROWTH/S", .width = 9},
      {.title = "MINOR/S", .width = 10},
      {.title = "MAJOR/S", .width = 8, .screen = 70},
      {.title = "MMAP/S", .width = 8, .screen = 110},
      {.title = "FULL IN", .width = 10, .screen = 90},
  }};

  const Report& report_;
  const std::vector<MemoryReport>& rows_;
};

}  // namespace

std::unique_ptr<Table> memory_table(const Report& report) {
  return std::make_unique<MemoryTable>(report);
}

}  // namespace cw::live
