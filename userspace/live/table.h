// A report's rows as tables: columns, what stands in them, and what they are sorted by. Rows are
// numbered as the report has them, worst first; nothing is formatted that is not asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "live/row_id.h"
#include "model/report.h"

namespace cw::live {

enum class Tab : std::uint8_t { kLocks, kAllocations, kMemory, kProcesses, kIdleWaits };
inline constexpr std::size_t kTabs = 5;
const char* name_of(Tab tab);  // "Locks"...

// Which part of a text that is too long gives way: of names, the front tells least.
enum class Cut : std::uint8_t { kFront, kEnd };

struct Column {
  std::string_view title;
  std::size_t width = 0;  // with the gap before it; 0: shares what is left
  bool left = false;      // aligned so
  Cut cut = Cut::kFront;
  std::size_t screen = 0;  // the narrowest screen that has room for it
  bool sorts = true;
  bool is_level = false;  // painted by the row's level
};

inline constexpr double kSuspectTrend = 0.1;  // threads waiting for locks, in a sparkline

class Table {
 public:
  Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  virtual ~Table() = default;

  [[nodiscard]] virtual std::span<const Column> columns() const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual RowId id(std::size_t row) const = 0;
  // May hold anything that came from the observed.
  [[nodiscard]] virtual std::string text(std::size_t row, std::size_t column) const = 0;
  // What a column that sorts is sorted by, largest first.
  [[nodiscard]] virtual double value(std::size_t row, std::size_t column) const = 0;
  [[nodiscard]] virtual Level level(std::size_t row) const = 0;
  // What the row's sparkline shows, and from where it is worth seeing: a smaller top would make
  // noise look like a mountain.
  [[nodiscard]] virtual double trend(std::size_t row) const = 0;
  [[nodiscard]] virtual double trend_top() const { return 0; }
  // What a filter looks into.
  [[nodiscard]] virtual bool contains(std::size_t row, std::string_view needle) const = 0;
  [[nodiscard]] virtual bool is_of(std::size_t row, std::int32_t pid) const = 0;
  // What is not listed, or why nothing is; may be empty.
  [[nodiscard]] virtual std::string remark() const { return {}; }
};

// The report must outlive it.
std::unique_ptr<Table> table_of(const Report& report, Tab tab);

// Whether `needle` is in `text`, letters of ASCII alike in both cases.
bool is_in(std::string_view text, std::string_view needle);

}  // namespace cw::live
