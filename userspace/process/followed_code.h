// Unwind rows of code that has no call frame information, by following what it does to the stack:
// C libraries built without (musl's are), assembly. x86-64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "model/alloc_site.h"
#include "process/code_flow.h"
#include "process/instruction.h"
#include "process/unwind_rows.h"

namespace cw {

class FollowedCode {
 public:
  static constexpr std::size_t kMaxInstructions = 300'000;  // of a file, followed

  // `code`: all that is executable, by address; `gaps`: what of it is to be followed, by address;
  // `functions`: where some begin, more are found by the calls to them. The first two must outlive
  // this.
  FollowedCode(std::span<const CodeWindow> code, std::span<const AddressRange> gaps,
               std::span<const std::uint64_t> functions);

  // Of what could be followed: not behind jump tables, nor what only data refers to.
  void add_rows(UnwindRows& rows) const;

 private:
  // Of a frame, before an instruction.
  struct Frame {
    std::int32_t size = 0;  // bytes on the stack above the return address
    std::int32_t fp_slot =
        0;  // where the caller's frame pointer is saved, from the CFA; 0: it is not
    std::int32_t fp_frame = 0;  // what the CFA is above the frame pointer; 0: it is no frame's
    bool size_known = true;
    bool fp_lost = false;

    bool operator==(const Frame&) const = default;
    [[nodiscard]] UnwindRule rule() const;
    void pass(const Instruction& instruction, std::span<const std::byte> bytes);
  };
  struct Seen {
    Frame frame;
    std::uint8_t length = 0;  // of the instruction
  };

  [[nodiscard]] bool is_in_gap(std::uint64_t address) const;
  [[nodiscard]] std::span<const std::byte> bytes_at(std::uint64_t address) const;
  void find_calls_in(const CodeWindow& window);
  void note_function(std::uint64_t address);
  void follow(std::uint64_t function);

  std::span<const CodeWindow> code_;
  std::span<const AddressRange> gaps_;
  Decoder decoder_;
  std::set<std::uint64_t> functions_;
  std::vector<std::uint64_t> ahead_;
  std::map<std::uint64_t, Seen> seen_;  // by address
};

// Parts of `code` (by address) that are not `covered` (by address, apart); without the bytes
// between functions.
std::vector<AddressRange> gaps_in(std::span<const AddressRange> code,
                                  std::span<const AddressRange> covered);

}  // namespace cw
