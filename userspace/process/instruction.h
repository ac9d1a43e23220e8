// x86-64 instructions, taken apart as far as following arguments and control flow needs it. Bytes
// may be anything.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "model/alloc_site.h"

namespace cw {

inline constexpr Register kRsp{7};
// The first integer arguments of a function, in their order (psABI 3.2.3).
inline constexpr std::array kFirstArguments = {Register{5}, Register{4}, Register{1}};

// A set of general registers, by DWARF number.
class RegisterSet {
 public:
  void insert(Register reg) { bits_ |= 1U << static_cast<unsigned>(reg); }
  [[nodiscard]] bool contains(Register reg) const {
    return (bits_ >> static_cast<unsigned>(reg) & 1U) != 0;
  }

 private:
  std::uint32_t bits_ = 0;
};

enum class Flow : std::uint8_t {
  kNext,
  kBranch,  // conditional; jcc, loop, jrcxz
  kJump,
  kCall,
  kIndirectJump,
  kIndirectCall,
  kReturn,
  kTrap,  // ud2, hlt, int3: does not come back
};

struct Instruction {
  std::uint64_t address = 0;
  std::uint8_t length = 0;
  Flow flow = Flow::kNext;
  std::optional<std::uint64_t> target;  // of a direct jump, branch or call
  std::optional<std::uint64_t> slot;    // where an indirect one through a fixed address reads it

  RegisterSet written;  // in whole or in part
  // The whole of the second becomes the first; `exchange`: and the other way round.
  std::optional<std::pair<Register, Register>> copy;
  bool exchange = false;
  // Bytes that the stack grows by; empty when that is not known.
  std::optional<std::int32_t> stack_growth = 0;
  bool stores = false;               // to memory, other than a constant or to the stack
  bool stores_thread_local = false;  // through %fs or %gs
  bool plain = false;  // of the few dozen kinds compilers begin functions with; `written` is sure

  [[nodiscard]] std::uint64_t end() const { return address + length; }
  [[nodiscard]] bool leaves_line() const { return flow != Flow::kNext; }
  [[nodiscard]] bool is_call() const { return flow == Flow::kCall || flow == Flow::kIndirectCall; }
};

// Not for several threads at once.
class Decoder {
 public:
  Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  // The instruction that `code` begins with, at `address`; empty when it is none.
  std::optional<Instruction> decode(std::span<const std::byte> code, std::uint64_t address);
  // The same as a reader has it: "mov rbx, rdi".
  std::string text(std::span<const std::byte> code, std::uint64_t address);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cw
