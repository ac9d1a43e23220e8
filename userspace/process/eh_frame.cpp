#include "process/eh_frame.h"

#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "process/cfi_state.h"

namespace cw {
namespace {

constexpr std::uint64_t kNoAlignmentAbove = 1U << 16U;

class EhFrameReader {
 public:
  EhFrameReader(CfiCursor section, UnwindRows& rows) : section_(section), rows_(&rows) {}

  void read_all();

 private:
  const CfiCommon* common_at(std::uint64_t vaddr);
  void add_entry(CfiCursor entry, std::uint64_t common_vaddr);

  CfiCursor section_;
  std::uint64_t begin_ = section_.vaddr();
  std::unordered_map<std::uint64_t, std::optional<CfiCommon>> commons_;  // by address of the CIE
  UnwindRows* rows_;
};

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

const CfiCommon* EhFrameReader::common_at(std::uint64_t vaddr) {
  const auto [place, is_new] = commons_.try_emplace(vaddr);
  if (is_new && vaddr >= begin_) {
    CfiCursor section = section_;
    section.take_part(vaddr - begin_);
    place->second = read_common(take_entry(section));
  }
  const std::optional<CfiCommon>& common = place->second;
  return common.has_value() ? &common.value() : nullptr;
}

void EhFrameReader::add_entry(CfiCursor entry, std::uint64_t common_vaddr) {
  const CfiCommon* common = common_at(common_vaddr);
  if (common == nullptr) {
    rows_->leave_out();
    return;
  }
  constexpr std::uint8_t kFormat = 0x0f;  // a size is not relative to anything
  const auto start = entry.take_pointer(common->pointer_encoding);
  const auto size = entry.take_pointer(common->pointer_encoding & kFormat);
  if (common->has_augmentation) entry.take_part(entry.take_uleb());
  if (!entry.good() || !start || !size || *size == 0 || *start + *size < *start) {
    rows_->leave_out();
    return;
  }
  rows_->begin(*start, *start + *size);
  const bool whole =
      run_cfi(entry, *common, *start, *start + *size,
              [&](std::uint64_t pc, const CfiState& state) { rows_->add(pc, rule_of(state)); });
  if (!whole) rows_->leave_out();
}

void EhFrameReader::read_all() {
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
}

}  // namespace

void add_eh_frame(std::span<const std::byte> section, std::uint64_t vaddr, UnwindRows& rows) {
  EhFrameReader(CfiCursor(section, vaddr), rows).read_all();
}

UnwindTable unwind_table(std::span<const std::byte> section, std::uint64_t vaddr) {
  UnwindRows rows;
  add_eh_frame(section, vaddr, rows);
  return std::move(rows).build();
}

}  // namespace cw
