#include "process/unwind_rows.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace cw {
namespace {

constexpr std::uint64_t kReach = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMaxRules = std::numeric_limits<std::uint16_t>::max();

}  // namespace

std::size_t UnwindRows::RuleHash::operator()(const UnwindRule& rule) const {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;
  const auto half = [](std::int32_t a, std::int32_t b) {
    return std::uint64_t{static_cast<std::uint32_t>(a)} << 32U | static_cast<std::uint32_t>(b);
  };
  const std::uint64_t shape = std::uint64_t{static_cast<std::uint8_t>(rule.cfa)} << 24U |
                              std::uint64_t{static_cast<std::uint8_t>(rule.fp)} << 16U |
                              rule.number;
  std::uint64_t hash = half(rule.cfa_offset, rule.cfa_plus) * kSpread;
  hash = (hash ^ hash >> 29U ^ half(rule.fp_offset, static_cast<std::int32_t>(shape))) * kSpread;
  return hash ^ hash >> 32U;
}

std::uint16_t UnwindRows::number_of(const UnwindRule& rule) {
  const auto found = known_.find(rule);
  if (found != known_.end()) return found->second;
  if (table_.rules.size() > kMaxRules) {
    table_.not_understood++;
    return 0;
  }
  const auto number = static_cast<std::uint16_t>(table_.rules.size());
  table_.rules.push_back(rule);
  known_.emplace(rule, number);
  return number;
}

void UnwindRows::begin(std::uint64_t start, std::uint64_t end) {
  const Block block{.start = start, .end = end, .first = rows_.size(), .count = 0};
  if (!blocks_.empty() && blocks_.back().count == 0)
    blocks_.back() = block;
  else
    blocks_.push_back(block);
}

void UnwindRows::add(std::uint64_t pc, const UnwindRule& rule) {
  if (rule.cfa == UnwindRule::Cfa::kNone) table_.not_understood++;
  rows_.push_back({.pc = pc, .rule = number_of(rule)});
  blocks_.back().count++;
}

void UnwindRows::put(std::uint64_t pc, std::uint16_t rule) {
  if (pc - table_.base > kReach) return;
  if (!table_.rule.empty() && table_.rule.back() == rule) return;  // goes on
  table_.pc.push_back(static_cast<std::uint32_t>(pc - table_.base));
  table_.rule.push_back(rule);
}

std::vector<AddressRange> UnwindRows::covered() const {
  std::vector<AddressRange> ranges;
  ranges.reserve(blocks_.size());
  for (const Block& block : blocks_)
    if (block.count != 0) ranges.push_back({.start = block.start, .end = block.end});
  std::ranges::sort(ranges, {}, &AddressRange::start);
  std::vector<AddressRange> merged;
  for (const AddressRange& range : ranges) {
    if (merged.empty() || range.start > merged.back().end)
      merged.push_back(range);
    else
      merged.back().end = std::max(merged.back().end, range.end);
  }
  return merged;
}

UnwindTable UnwindRows::build() && {
  if (!blocks_.empty() && blocks_.back().count == 0) blocks_.pop_back();
  if (blocks_.empty()) return std::move(table_);
  if (!std::ranges::is_sorted(blocks_, {}, &Block::start))
    std::ranges::sort(blocks_, {},
                      [](const Block& block) { return std::tie(block.start, block.first); });
  table_.base = blocks_.front().start;
  table_.pc.reserve(rows_.size() + rows_.size() / 4);
  table_.rule.reserve(table_.pc.capacity());
  std::uint64_t end = table_.base;
  for (const Block& block : blocks_) {
    if (block.start < end) {  // two entries for one address: the first holds
      table_.not_understood++;
      continue;
    }
    if (block.start > end) put(end, 0);
    for (std::size_t i = 0; i < block.count; ++i)
      put(rows_[block.first + i].pc, rows_[block.first + i].rule);
    end = block.end;
  }
  put(end, 0);
  return std::move(table_);
}

}  // namespace cw
