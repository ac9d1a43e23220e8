// Call frame instructions, run to the rules they leave (DWARF 5, section 6.4; LSB core
// specification 5.0, section 10.6 for what .eh_frame does otherwise).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/unwind.h"
#include "process/cfi_cursor.h"

namespace cw {

// How one register of the caller is found again.
struct CfiRegister {
  enum class How : std::uint8_t { kSame, kUndefined, kAtCfa, kAtSp, kAtFp, kOther };
  How how = How::kSame;
  std::int64_t offset = 0;

  bool operator==(const CfiRegister&) const = default;
};

struct CfiState {
  enum class Cfa : std::uint8_t { kRegister, kExpression, kOther };
  Cfa cfa = Cfa::kOther;
  std::uint64_t cfa_register = 0;
  std::int64_t cfa_offset = 0;
  UnwindRule cfa_expression;  // its cfa, cfa_offset and cfa_plus
  CfiRegister fp;
  CfiRegister pc{.how = CfiRegister::How::kAtCfa, .offset = -8};

  bool operator==(const CfiState&) const = default;
};

// What all entries that refer to one CIE share.
struct CfiCommon {
  std::uint64_t code_alignment = 1;
  std::int64_t data_alignment = 1;
  std::uint8_t pointer_encoding = 0;  // DW_EH_PE_absptr
  bool has_augmentation = false;
  bool is_signal_frame = false;
  CfiState initial;
};

// The rule that a state amounts to; kNone for what the rule's shape cannot say.
UnwindRule rule_of(const CfiState& state);

// Runs `instructions` from `common.initial` at `pc`, and calls row(pc, state) for the rows up to
// `end`, at ascending addresses. False when they are damaged: what came before holds.
template <typename Row>
bool run_cfi(CfiCursor instructions, const CfiCommon& common, std::uint64_t pc, std::uint64_t end,
             Row row);

// One instruction; for those that move on in the code, by how much.
class CfiMachine {
 public:
  explicit CfiMachine(const CfiCommon& common) : common_(common), state_(common.initial) {}

  struct Step {
    bool good = true;
    bool moves = false;
    std::uint64_t distance = 0;  // bytes of code
    // DW_CFA_set_loc; set here, for initializers leave it out
    std::optional<std::uint64_t> to = {};  // NOLINT(readability-redundant-member-init)
  };
  Step step(CfiCursor& instructions);
  [[nodiscard]] const CfiState& state() const { return state_; }

 private:
  static constexpr std::size_t kMaxRemembered = 64;

  Step extended(std::uint8_t code, CfiCursor& instructions);
  void set(std::uint64_t number, CfiRegister how);
  void restore(std::uint64_t number);
  void set_by_expression(std::uint64_t number, CfiCursor expression);
  void define_cfa(std::uint64_t number, std::int64_t offset);
  [[nodiscard]] std::int64_t factored(std::int64_t offset) const;

  const CfiCommon& common_;
  CfiState state_;
  std::vector<CfiState> remembered_;
};

template <typename Row>
bool run_cfi(CfiCursor instructions, const CfiCommon& common, std::uint64_t pc, std::uint64_t end,
             Row row) {
  CfiMachine machine(common);
  while (!instructions.at_end()) {
    const CfiMachine::Step step = machine.step(instructions);
    if (!step.good || !instructions.good()) return false;
    if (!step.moves) continue;
    const std::uint64_t next = step.to ? *step.to : pc + step.distance;
    if (next < pc) return false;
    if (next != pc) row(pc, machine.state());
    if (next >= end) return !step.to;  // OCaml describes what follows a function, too
    pc = next;
  }
  row(pc, machine.state());
  return true;
}

}  // namespace cw
