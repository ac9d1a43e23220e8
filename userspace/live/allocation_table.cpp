// Allocators, each followed by the places that allocate.
#include <algorithm>
#include <array>
#include <cmath>
#include <ranges>

#include "live/tables.h"
#include "output/format.h"
#include "output/symbol.h"

namespace cw::live {
namespace {

constexpr std::size_t kCallers = 4;  // and who called them, of a stack in a row

class AllocationTable : public Table {
 public:
  explicit AllocationTable(const Report& report) : report_(report) {
    for (const AllocatorReport& allocator : report.allocators) {
      rows_.push_back({.allocator = &allocator, .site = nullptr});
      for (const AllocationSiteReport& site : allocator.sites)
        rows_.push_back({.allocator = &allocator, .site = &site});
    }
  }

  [[nodiscard]] std::span<const Column> columns() const override { return kColumns; }
  [[nodiscard]] std::size_t size() const override { return rows_.size(); }
  [[nodiscard]] RowId id(std::size_t row) const override {
    const auto& [allocator, site] = rows_[row];
    return site == nullptr ? id_of(*allocator) : id_of(*allocator, *site);
  }
  [[nodiscard]] Level level(std::size_t row) const override { return rows_[row].allocator->level; }
  [[nodiscard]] double trend(std::size_t row) const override { return rate(row); }

  [[nodiscard]] std::string text(std::size_t row, std::size_t column) const override {
    const auto& [allocator, site] = rows_[row];
    if (column == kComm) return allocator->comm;
    return site == nullptr ? text_of(*allocator, column) : text_of(*site, column);
  }

  [[nodiscard]] double value(std::size_t row, std::size_t column) const override {
    const auto& [allocator, site] = rows_[row];
    if (column == kBytes)
      return site != nullptr ? site->bytes_per_s
                             : allocator->bytes_per_s.value_or(Estimate{}).estimate;
    if (column == kEach) return site != nullptr ? site->mean_bytes : mean_bytes(*allocator);
    if (column == kShare && site != nullptr) return site->share_allocs;
    return column == kShare ? 1 : rate(row);
  }

  [[nodiscard]] bool contains(std::size_t row, std::string_view needle) const override {
    const auto& [allocator, site] = rows_[row];
    if (is_in(allocator->comm, needle) || is_in(allocator->allocator, needle)) return true;
    if (site == nullptr) return false;
    return std::ranges::any_of(site->stack.frames, [&](const Frame& frame) {
      return is_in(frame.function, needle) || is_in(source_line(frame), needle);
    });
  }
  [[nodiscard]] bool is_of(std::size_t row, std::int32_t pid) const override {
    return rows_[row].allocator->pid == pid;
  }
  [[nodiscard]] std::string remark() const override {
    if (!report_.observed.alloc) return "allocations are not observed (--observe)";
    return rows_.empty() ? "no allocator was found" : "";
  }

 private:
  enum Place : std::uint8_t { kWhere, kComm, kLevel, kRate, kBytes, kEach, kShare };

  static constexpr std::array<Column, 7> kColumns = {{
      {.title = "ALLOCATIONS IN", .left = true, .cut = Cut::kEnd, .sorts = false},
      {.title = "COMM", .width = 16, .left = true, .screen = 110, .sorts = false},
      {.title = "LEVEL", .width = 8, .left = true, .screen = 70, .sorts = false, .is_level = true},
      {.title = "ALLOCS/S", .width = 12},
      {.title = "BYTES/S", .width = 9},
      {.title = "EACH", .width = 8, .screen = 80},
      {.title = "SHARE", .width = 7},
  }};

  struct Row {
    const AllocatorReport* allocator;
    const AllocationSiteReport* site;  // null: the allocator itself
  };

  [[nodiscard]] double rate(std::size_t row) const {
    const auto& [allocator, site] = rows_[row];
    return site != nullptr ? site->allocs_per_s
                           : allocator->allocs_per_s.value_or(Estimate{}).estimate;
  }
  static double mean_bytes(const AllocatorReport& allocator) {
    return allocator.size.count == 0 ? 0
                                     : static_cast<double>(allocator.size.sum_bytes) /
                                           static_cast<double>(allocator.size.count);
  }

  // ">=": only that much is known to be.
  static std::string rate_text(const std::optional<Estimate>& rate) {
    if (!rate) return "-";
    return (std::isfinite(rate->high) ? "" : ">=") + format_rate(rate->estimate);
  }

  static std::string text_of(const AllocatorReport& row, std::size_t column) {
    switch (column) {
      case kWhere:
        return row.allocator + (row.remark.empty() ? "" : ": " + row.remark);
      case kLevel:
        return cw::name_of(row.level);
      case kRate:
        return rate_text(row.allocs_per_s);
      case kBytes:
        return row.bytes_per_s ? format_bytes(row.bytes_per_s->estimate) : "-";
      case kEach:
        return row.size.count == 0 ? "-" : format_bytes(mean_bytes(row));
      default:
        return row.sites.empty() ? "" : "100 %";
    }
  }

  static std::string text_of(const AllocationSiteReport& row, std::size_t column) {
    switch (column) {
      case kWhere: {
        // Many programs allocate in one function of their own: who calls it tells more.
        std::string path = row.stack.frames.empty() ? "  (no stack)" : " ";
        for (const Frame& frame :
             row.stack.frames | std::views::drop(row.stack.own) | std::views::take(kCallers))
          path += (path.size() > 1 ? " < " : " ") +
                  (frame.function.empty() ? frame.module : short_symbol(frame.function));
        return path;
      }
      case kRate:
        return format_rate(row.allocs_per_s);
      case kBytes:
        return format_bytes(row.bytes_per_s);
      case kEach:
        return format_bytes(row.mean_bytes);
      case kShare:
        return format_share(row.share_allocs);
      default:
        return {};
    }
  }

  const Report& report_;
  std::vector<Row> rows_;
};

}  // namespace

std::unique_ptr<Table> allocation_table(const Report& report) {
  return std::make_unique<AllocationTable>(report);
}

}  // namespace cw::live
