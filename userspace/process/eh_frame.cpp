#include "process/eh_frame.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "process/cfi_state.h"

namespace cw {
namespace {

constexpr std::uint64_t kReach = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMaxRules = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kNoAlignmentAbove = 1U << 16U;

struct Row {
  std::uint64_t pc;
  std::uint16_t rule;
};

// The rows of one FDE.
struct Block {
  std::uint64_t start;
  std::uint64_t end;
  std::size_t first;
  std::size_t count;
};

struct RuleHash {
  std::size_t operator()(const UnwindRule& rule) const {
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
};

class Builder {
 public:
  explicit Builder(CfiCursor section) : section_(section) { intern({}); }

  UnwindTable build();

 private:
  std::uint16_t intern(const UnwindRule& rule);
  const CfiCommon* common_at(std::uint64_t vaddr);
  void add_entry(CfiCursor entry, std::uint64_t common_vaddr);
  void put(std::uint64_t pc, std::uint16_t rule);

  CfiCursor section_;
  std::uint64_t begin_ = section_.vaddr();
  std::unordered_map<std::uint64_t, std::optional<CfiCommon>> commons_;  // by address of the CIE
  std::unordered_map<UnwindRule, std::uint16_t, RuleHash> known_;
  std::vector<Row> rows_;
  std::vector<Block> blocks_;
  UnwindTable table_;
};

std::uint16_t Builder::intern(const UnwindRule& rule) {
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

// Length and the rest of one entry: a CIE or an FDE. Empty at the terminator.
CfiCursor take_entry(CfiCursor& section) {
  constexpr std::uint32_t kExtended = 0xffffffff;
  std::uint64_t length = section.take<std::uint32_t>();
  if (length == kExtended) length = section.take<std::uint64_t>();
  return section.take_part(length);
}

// "zPLR..." and the data behind it: how FDEs encode addresses, and whether they are signal frames.
bool read_augmentation(std::string_view augmentation, CfiCursor& entry, CfiCommon& common) {
  if (augmentation.empty()) return true;
  if (!augmentation.starts_with('z')) return false;
  common.has_augmentation = true;
  CfiCursor details = entry.take_part(entry.take_uleb());
  for (const char letter : augmentation.substr(1)) {
    switch (letter) {
      case 'R':
        common.pointer_encoding = details.take<std::uint8_t>();
        break;
      case 'L':
        details.take<std::uint8_t>();
        break;
      case 'P':
        // Its value does not matter, and may be of a kind that we do not follow.
        static_cast<void>(details.take_pointer(details.take<std::uint8_t>()));
        break;
      case 'S':
        common.is_signal_frame = true;
        break;
      case 'B':  // arm64: return addresses are signed
        break;
      default:
        return details.good();  // what it means is not known; the length leads past it
    }
  }
  return details.good();
}

std::optional<CfiCommon> read_common(CfiCursor entry) {
  CfiCommon common;
  if (entry.take<std::uint32_t>() != 0) return std::nullopt;  // not a CIE
  const auto version = entry.take<std::uint8_t>();
  if (version != 1 && version != 3 && version != 4) return std::nullopt;
  const std::string_view augmentation = entry.take_string();
  if (version == 4) {
    const auto address_size = entry.take<std::uint8_t>();
    const auto segment_size = entry.take<std::uint8_t>();
    if (address_size != sizeof(std::uint64_t) || segment_size != 0) return std::nullopt;
  }
  common.code_alignment = entry.take_uleb();
  common.data_alignment = entry.take_sleb();
  if (common.code_alignment > kNoAlignmentAbove) return std::nullopt;
  if (version == 1)
    entry.take<std::uint8_t>();  // the return address's register
  else
    entry.take_uleb();
  if (!entry.good() || !read_augmentation(augmentation, entry, common)) return std::nullopt;
  CfiMachine machine(common);
  while (!entry.at_end()) {
    const CfiMachine::Step step = machine.step(entry);
    if (!step.good || step.moves || !entry.good()) return std::nullopt;
  }
  common.initial = machine.state();
  return common;
}

const CfiCommon* Builder::common_at(std::uint64_t vaddr) {
  const auto [place, is_new] = commons_.try_emplace(vaddr);
  if (is_new && vaddr >= begin_) {
    CfiCursor section = section_;
    section.take_part(vaddr - begin_);
    place->second = read_common(take_entry(section));
  }
  const std::optional<CfiCommon>& common = place->second;
  return common.has_value() ? &common.value() : nullptr;
}

void Builder::add_entry(CfiCursor entry, std::uint64_t common_vaddr) {
  const CfiCommon* common = common_at(common_vaddr);
  if (common == nullptr) {
    table_.not_understood++;
    return;
  }
  constexpr std::uint8_t kFormat = 0x0f;  // a size is not relative to anything
  const auto start = entry.take_pointer(common->pointer_encoding);
  const auto size = entry.take_pointer(common->pointer_encoding & kFormat);
  if (common->has_augmentation) entry.take_part(entry.take_uleb());
  if (!entry.good() || !start || !size || *size == 0 || *start + *size < *start) {
    table_.not_understood++;
    return;
  }
  Block block{.start = *start, .end = *start + *size, .first = rows_.size(), .count = 0};
  const bool whole =
      run_cfi(entry, *common, block.start, block.end, [&](std::uint64_t pc, const CfiState& state) {
        const UnwindRule rule = rule_of(state);
        if (rule.cfa == UnwindRule::Cfa::kNone) table_.not_understood++;
        rows_.push_back({.pc = pc, .rule = intern(rule)});
      });
  if (!whole) table_.not_understood++;
  block.count = rows_.size() - block.first;
  if (block.count != 0) blocks_.push_back(block);
}

void Builder::put(std::uint64_t pc, std::uint16_t rule) {
  if (pc - table_.base > kReach) return;
  if (!table_.rule.empty() && table_.rule.back() == rule) return;  // goes on
  table_.pc.push_back(static_cast<std::uint32_t>(pc - table_.base));
  table_.rule.push_back(rule);
}

UnwindTable Builder::build() {
  CfiCursor section = section_;
  while (!section.at_end()) {
    CfiCursor entry = take_entry(section);
    if (!section.good()) break;
    if (entry.left() == 0) continue;  // a terminator; linkers leave one in the middle now and then
    const std::uint64_t field = entry.vaddr();
    const auto distance = entry.take<std::uint32_t>();
    if (distance == 0) continue;  // a CIE
    add_entry(entry, field - distance);
  }
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

}  // namespace

UnwindTable unwind_table(std::span<const std::byte> section, std::uint64_t vaddr) {
  return Builder(CfiCursor(section, vaddr)).build();
}

}  // namespace cw
