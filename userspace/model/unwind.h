// How to step from a frame to its caller, at every address of one file of code. Made from the
// file's call frame information, interpreted by the kernel side and by user space alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cw {

// Where a frame's CFA (the stack pointer before the call), return address and frame pointer are.
// On x86-64 the return address is the word below the CFA. Offsets in bytes.
struct UnwindRule {
  enum class Cfa : std::uint8_t {
    kNone,      // not known: no call frame information, or some that is not understood
    kSp,        // sp + cfa_offset
    kFp,        // fp + cfa_offset
    kDerefSp,   // *(sp + cfa_offset) + cfa_plus
    kDerefFp,   // *(fp + cfa_offset) + cfa_plus
    kPlt,       // sp + cfa_offset, 8 more from the cfa_plus-th byte of a 16-byte entry on
    kRegister,  // register `number` + cfa_offset: known in the innermost frame only
    // No CFA leads out of these:
    kSignal,      // the interrupted sp is at sp + cfa_offset, its pc at sp + cfa_plus
    kEnd,         // nothing called this
    kOtherStack,  // by the frame pointer, to another stack, which may lie anywhere
    // By the frame pointer, but the caller's sp is at fp + cfa_offset; what is run, at fp +
    // cfa_plus.
    kInterpreted,
  };
  enum class Fp : std::uint8_t {
    kSame,   // not saved
    kAtCfa,  // CFA + fp_offset
    kAtFp,   // fp + fp_offset
    kAtSp,   // sp + fp_offset
    kLost,
  };

  Cfa cfa = Cfa::kNone;
  Fp fp = Fp::kSame;
  std::uint16_t number = 0;  // kRegister: as DWARF numbers it (System V psABI, figure 3.36)
  std::int32_t cfa_offset = 0;
  std::int32_t cfa_plus = 0;
  std::int32_t fp_offset = 0;

  auto operator<=>(const UnwindRule&) const = default;
};

// Rows are ascending; each holds from its address up to the next one's. A gap is a row of kNone.
struct UnwindTable {
  std::uint64_t base = 0;            // virtual address in the file that `pc` counts from
  std::vector<std::uint32_t> pc;     // of each row, less `base`
  std::vector<std::uint16_t> rule;   // of each row, as an index into `rules`
  std::vector<UnwindRule> rules;     // distinct
  std::uint64_t not_understood = 0;  // rows whose rule had to become kNone, and entries left out

  [[nodiscard]] std::size_t bytes() const {
    return pc.size() * (sizeof(std::uint32_t) + sizeof(std::uint16_t)) +
           rules.size() * sizeof(UnwindRule);
  }
};

// One frame of a stack as it was walked, not yet named.
struct WalkedFrame {
  std::uint64_t address = 0;
  bool exact = false;    // an instruction about to run; else where a call returns to
  bool guessed = false;  // found by the frame pointer, where no row tells the way
  bool method = false;   // no address of code: where an interpreter keeps the method it runs
};

struct WalkedStack {
  std::vector<WalkedFrame> frames;  // innermost first
  bool outermost = false;           // the last frame is one that nothing called
};

// Where a thread that is not running will go on.
struct Registers {
  std::uint64_t pc = 0;
  std::uint64_t sp = 0;
  std::uint64_t fp = 0;
};

// Code that a process has mapped, [start, end).
struct CodeRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t bias = 0;   // what to subtract from an address for a table's pc
  std::uint32_t table = 0;  // as the probes number it; 0: none, frame pointers are followed
  bool generated = false;   // as the process goes: its table is soon out of date

  auto operator<=>(const CodeRange&) const = default;
};

// The rule at a virtual address of the file; kNone where there is no row.
UnwindRule rule_at(const UnwindTable& table, std::uint64_t vaddr);

}  // namespace cw
