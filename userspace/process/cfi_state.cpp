#include "process/cfi_state.h"

#include <utility>

#include "process/cfi_expression.h"

namespace cw {
namespace {

// System V psABI for x86-64, figure 3.36.
constexpr std::uint64_t kFp = 6;
constexpr std::uint64_t kSp = 7;
constexpr std::uint64_t kPc = 16;

UnwindRule::Fp fp_of(CfiRegister::How how) {
  switch (how) {
    case CfiRegister::How::kSame:
      return UnwindRule::Fp::kSame;
    case CfiRegister::How::kAtCfa:
      return UnwindRule::Fp::kAtCfa;
    case CfiRegister::How::kAtSp:
      return UnwindRule::Fp::kAtSp;
    case CfiRegister::How::kAtFp:
      return UnwindRule::Fp::kAtFp;
    case CfiRegister::How::kUndefined:
    case CfiRegister::How::kOther:
      break;
  }
  return UnwindRule::Fp::kLost;
}

UnwindRule::Cfa base_of(std::uint64_t number) {
  if (number == kSp) return UnwindRule::Cfa::kSp;
  return number == kFp ? UnwindRule::Cfa::kFp : UnwindRule::Cfa::kRegister;
}

// The kernel's frame for a signal handler: the interrupted registers lie on the stack.
UnwindRule signal_rule(const CfiState& state) {
  using How = CfiRegister::How;
  if (state.cfa_expression.cfa != UnwindRule::Cfa::kDerefSp || state.pc.how != How::kAtSp ||
      state.fp.how != How::kAtSp || state.cfa_expression.cfa_plus != 0 ||
      !std::in_range<std::int32_t>(state.pc.offset) ||
      !std::in_range<std::int32_t>(state.fp.offset))
    return {};
  return {.cfa = UnwindRule::Cfa::kSignal,
          .fp = UnwindRule::Fp::kAtSp,
          .number = 0,
          .cfa_offset = state.cfa_expression.cfa_offset,
          .cfa_plus = static_cast<std::int32_t>(state.pc.offset),
          .fp_offset = static_cast<std::int32_t>(state.fp.offset)};
}

}  // namespace

UnwindRule rule_of(const CfiState& state) {
  if (state.pc.how == CfiRegister::How::kUndefined) return {.cfa = UnwindRule::Cfa::kEnd};
  if (state.cfa == CfiState::Cfa::kExpression && state.pc.how == CfiRegister::How::kAtSp)
    return signal_rule(state);
  const bool pc_below_cfa = state.pc.how == CfiRegister::How::kAtCfa && state.pc.offset == -8;
  if (!pc_below_cfa || !std::in_range<std::int32_t>(state.fp.offset)) return {};
  UnwindRule rule;
  if (state.cfa == CfiState::Cfa::kExpression) {
    rule = state.cfa_expression;
  } else if (state.cfa == CfiState::Cfa::kRegister &&
             std::in_range<std::int32_t>(state.cfa_offset) && state.cfa_register < kPc) {
    rule.cfa = base_of(state.cfa_register);
    rule.cfa_offset = static_cast<std::int32_t>(state.cfa_offset);
    if (rule.cfa == UnwindRule::Cfa::kRegister)
      rule.number = static_cast<std::uint16_t>(state.cfa_register);
  }
  if (rule.cfa == UnwindRule::Cfa::kNone) return {};
  rule.fp = fp_of(state.fp.how);
  if (rule.fp != UnwindRule::Fp::kSame && rule.fp != UnwindRule::Fp::kLost)
    rule.fp_offset = static_cast<std::int32_t>(state.fp.offset);
  return rule;
}

// Multiplied without overflow: the factors are the file's.
std::int64_t CfiMachine::factored(std::int64_t offset) const {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(offset) *
                                   static_cast<std::uint64_t>(common_.data_alignment));
}

void CfiMachine::set(std::uint64_t number, CfiRegister how) {
  if (number == kFp) state_.fp = how;
  if (number == kPc) state_.pc = how;
}

void CfiMachine::restore(std::uint64_t number) {
  if (number == kFp) state_.fp = common_.initial.fp;
  if (number == kPc) state_.pc = common_.initial.pc;
}

void CfiMachine::set_by_expression(std::uint64_t number, CfiCursor expression) {
  if (number != kFp && number != kPc) return;
  set(number, saved_by_expression(expression));
}

void CfiMachine::define_cfa(std::uint64_t number, std::int64_t offset) {
  state_.cfa = CfiState::Cfa::kRegister;
  state_.cfa_register = number;
  state_.cfa_offset = offset;
}

CfiMachine::Step CfiMachine::step(CfiCursor& instructions) {
  using How = CfiRegister::How;
  const auto code = instructions.take<std::uint8_t>();
  const std::uint64_t low = code & 0x3fU;
  switch (code & 0xc0U) {
    case 0x40:  // DW_CFA_advance_loc
      return {.moves = true, .distance = low * common_.code_alignment};
    case 0x80:  // DW_CFA_offset
      set(low, {.how = How::kAtCfa,
                .offset = factored(static_cast<std::int64_t>(instructions.take_uleb()))});
      return {};
    case 0xc0:  // DW_CFA_restore
      restore(low);
      return {};
    default:
      return extended(code, instructions);
  }
}

CfiMachine::Step CfiMachine::extended(std::uint8_t code, CfiCursor& instructions) {
  using How = CfiRegister::How;
  const auto moved = [&](std::uint64_t delta) {
    return Step{.moves = true, .distance = delta * common_.code_alignment};
  };
  const auto take_offset = [&] { return static_cast<std::int64_t>(instructions.take_uleb()); };
  std::uint64_t number = 0;
  switch (code) {
    case 0x00:  // DW_CFA_nop
      return {};
    case 0x01: {  // DW_CFA_set_loc
      const auto to = instructions.take_pointer(common_.pointer_encoding);
      return {.good = to.has_value(), .moves = true, .to = to};
    }
    case 0x02:  // DW_CFA_advance_loc1
      return moved(instructions.take<std::uint8_t>());
    case 0x03:  // DW_CFA_advance_loc2
      return moved(instructions.take<std::uint16_t>());
    case 0x04:  // DW_CFA_advance_loc4
      return moved(instructions.take<std::uint32_t>());
    case 0x05:  // DW_CFA_offset_extended
      number = instructions.take_uleb();
      set(number, {.how = How::kAtCfa, .offset = factored(take_offset())});
      return {};
    case 0x06:  // DW_CFA_restore_extended
      restore(instructions.take_uleb());
      return {};
    case 0x07:  // DW_CFA_undefined
      set(instructions.take_uleb(), {.how = How::kUndefined});
      return {};
    case 0x08:  // DW_CFA_same_value
      set(instructions.take_uleb(), {.how = How::kSame});
      return {};
    case 0x09:  // DW_CFA_register
      set(instructions.take_uleb(), {.how = How::kOther});
      instructions.take_uleb();
      return {};
    case 0x0a:  // DW_CFA_remember_state
      if (remembered_.size() >= kMaxRemembered) return {.good = false};
      remembered_.push_back(state_);
      return {};
    case 0x0b:  // DW_CFA_restore_state
      if (remembered_.empty()) return {.good = false};
      state_ = remembered_.back();
      remembered_.pop_back();
      return {};
    case 0x0c:  // DW_CFA_def_cfa
      number = instructions.take_uleb();
      define_cfa(number, take_offset());
      return {};
    case 0x0d:  // DW_CFA_def_cfa_register
      if (state_.cfa != CfiState::Cfa::kRegister) return {.good = false};
      state_.cfa_register = instructions.take_uleb();
      return {};
    case 0x0e:  // DW_CFA_def_cfa_offset
      if (state_.cfa != CfiState::Cfa::kRegister) return {.good = false};
      state_.cfa_offset = take_offset();
      return {};
    case 0x0f: {  // DW_CFA_def_cfa_expression
      state_.cfa_expression = cfa_by_expression(instructions.take_part(instructions.take_uleb()));
      state_.cfa = CfiState::Cfa::kExpression;
      return {};
    }
    case 0x10:  // DW_CFA_expression
      number = instructions.take_uleb();
      set_by_expression(number, instructions.take_part(instructions.take_uleb()));
      return {};
    case 0x11:  // DW_CFA_offset_extended_sf
      number = instructions.take_uleb();
      set(number, {.how = How::kAtCfa, .offset = factored(instructions.take_sleb())});
      return {};
    case 0x12:  // DW_CFA_def_cfa_sf
      number = instructions.take_uleb();
      define_cfa(number, factored(instructions.take_sleb()));
      return {};
    case 0x13:  // DW_CFA_def_cfa_offset_sf
      if (state_.cfa != CfiState::Cfa::kRegister) return {.good = false};
      state_.cfa_offset = factored(instructions.take_sleb());
      return {};
    case 0x14:  // DW_CFA_val_offset
    case 0x15:  // DW_CFA_val_offset_sf
      set(instructions.take_uleb(), {.how = How::kOther});
      instructions.take_uleb();
      return {};
    case 0x16:  // DW_CFA_val_expression
      set(instructions.take_uleb(), {.how = How::kOther});
      instructions.take_part(instructions.take_uleb());
      return {};
    case 0x2e:  // DW_CFA_GNU_args_size
      instructions.take_uleb();
      return {};
    case 0x2f:  // DW_CFA_GNU_negative_offset_extended
      number = instructions.take_uleb();
      set(number, {.how = How::kAtCfa, .offset = factored(-take_offset())});
      return {};
    default:
      return {.good = false};
  }
}

}  // namespace cw
