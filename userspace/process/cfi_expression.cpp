#include "process/cfi_expression.h"

#include <array>
#include <limits>
#include <utility>

namespace cw {
namespace {

// DWARF 5, section 7.7.1.
constexpr std::uint8_t kDeref = 0x06;
constexpr std::uint8_t kAnd = 0x1a;
constexpr std::uint8_t kPlus = 0x22;
constexpr std::uint8_t kPlusConstant = 0x23;
constexpr std::uint8_t kShiftLeft = 0x24;
constexpr std::uint8_t kGreaterOrEqual = 0x2a;
constexpr std::uint8_t kLiteral = 0x30;   // lit0; lit1 is one more, and so on
constexpr std::uint8_t kRegister = 0x70;  // breg0, likewise
constexpr std::uint8_t kFpRegister = kRegister + 6;
constexpr std::uint8_t kSpRegister = kRegister + 7;
constexpr std::uint8_t kPcRegister = kRegister + 16;

// What follows "breg7 8" in the linker's PLT (elf_x86_64_eh_frame_plt in binutils): past the push
// of an entry's number, the stack is 8 deeper.
UnwindRule plt_rule(CfiCursor rest, std::int32_t offset) {
  if (rest.take<std::uint8_t>() != kPcRegister || rest.take_sleb() != 0 ||
      rest.take<std::uint8_t>() != kLiteral + 15 || rest.take<std::uint8_t>() != kAnd)
    return {};
  const int from = rest.take<std::uint8_t>() - kLiteral;
  constexpr std::array kTail = {kGreaterOrEqual, static_cast<std::uint8_t>(kLiteral + 3),
                                kShiftLeft, kPlus};
  for (const std::uint8_t expected : kTail)
    if (rest.take<std::uint8_t>() != expected) return {};
  if (!rest.good() || rest.left() != 0 || from < 0 || from > 15) return {};
  return {.cfa = UnwindRule::Cfa::kPlt, .cfa_offset = offset, .cfa_plus = from};
}

}  // namespace

UnwindRule cfa_by_expression(CfiCursor expression) {
  const auto first = expression.take<std::uint8_t>();
  const std::int64_t offset = expression.take_sleb();
  if ((first != kFpRegister && first != kSpRegister) || !std::in_range<std::int32_t>(offset))
    return {};
  UnwindRule rule{.cfa = first == kSpRegister ? UnwindRule::Cfa::kSp : UnwindRule::Cfa::kFp,
                  .cfa_offset = static_cast<std::int32_t>(offset)};
  const CfiCursor rest = expression;
  std::uint8_t next = expression.left() == 0 ? 0 : expression.take<std::uint8_t>();
  if (next == kPcRegister && first == kSpRegister) return plt_rule(rest, rule.cfa_offset);
  const bool deref = next == kDeref;
  if (deref) {
    rule.cfa = first == kSpRegister ? UnwindRule::Cfa::kDerefSp : UnwindRule::Cfa::kDerefFp;
    next = expression.left() == 0 ? 0 : expression.take<std::uint8_t>();
  }
  if (next == kPlusConstant) {
    const std::uint64_t plus = expression.take_uleb();
    if (plus > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()) / 2) return {};
    (deref ? rule.cfa_plus : rule.cfa_offset) += static_cast<std::int32_t>(plus);
    next = 0;
  }
  return next == 0 && expression.good() && expression.left() == 0 ? rule : UnwindRule{};
}

CfiRegister saved_by_expression(CfiCursor expression) {
  const auto base = expression.take<std::uint8_t>();
  const std::int64_t offset = expression.take_sleb();
  const bool known = base == kFpRegister || base == kSpRegister;
  if (!expression.good() || expression.left() != 0 || !known ||
      !std::in_range<std::int32_t>(offset))
    return {.how = CfiRegister::How::kOther};
  return {.how = base == kSpRegister ? CfiRegister::How::kAtSp : CfiRegister::How::kAtFp,
          .offset = offset};
}

}  // namespace cw
