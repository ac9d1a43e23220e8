#include "process/followed_code.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace cw {
namespace {

constexpr Register kRbp{6};
constexpr std::uint64_t kPadding = 16;  // between functions at most

constexpr unsigned kPushRbp = 0x55;
constexpr unsigned kPopRbp = 0x5d;
constexpr unsigned kLeave = 0xc9;
constexpr unsigned kCallOpcode = 0xe8;
constexpr unsigned kJumpOpcode = 0xe9;  // also how a function ends in a call

unsigned byte_or_zero(std::span<const std::byte> bytes, std::size_t at) {
  return at < bytes.size() ? std::to_integer<unsigned>(bytes[at]) : 0;
}

// Where a 4-byte distance at `at`, which ends its instruction, leads.
std::uint64_t by_distance(const CodeWindow& window, std::size_t at) {
  std::int32_t distance = 0;
  std::memcpy(&distance, window.bytes.data() + at, sizeof distance);
  return window.vaddr + at + sizeof distance + static_cast<std::uint64_t>(std::int64_t{distance});
}

// lea DISTANCE(%rip), REGISTER: how a function's address is taken (Intel SDM volume 2).
bool is_lea_of_address(unsigned prefix, unsigned opcode, unsigned operands) {
  return (prefix & 0xfbU) == 0x48 && opcode == 0x8d && (operands & 0xc7U) == 0x05;
}

}  // namespace

UnwindRule FollowedCode::Frame::rule() const {
  UnwindRule rule;
  if (size_known && size >= 0) {
    rule.cfa = UnwindRule::Cfa::kSp;
    rule.cfa_offset = size + kStackWord;
  } else if (fp_frame != 0) {
    rule.cfa = UnwindRule::Cfa::kFp;
    rule.cfa_offset = fp_frame;
  } else {
    return rule;
  }
  if (fp_slot != 0) {
    rule.fp = UnwindRule::Fp::kAtCfa;
    rule.fp_offset = fp_slot;
  } else if (fp_lost) {
    rule.fp = UnwindRule::Fp::kLost;
  }
  return rule;
}

void FollowedCode::Frame::pass(const Instruction& instruction, std::span<const std::byte> bytes) {
  if (instruction.is_call()) return;  // it comes back as it went
  const unsigned opcode = byte_or_zero(bytes, 0);
  const bool leaves = instruction.length == 1 && opcode == kLeave;
  const bool to_fp = instruction.copy && instruction.copy->first == kRsp &&
                     instruction.copy->second == kRbp && !instruction.exchange;
  // lea DISTANCE(%rbp),%rsp
  const bool below_fp = instruction.length == 4 && opcode == 0x48 &&
                        byte_or_zero(bytes, 1) == 0x8d && byte_or_zero(bytes, 2) == 0x65;
  if (leaves || to_fp || below_fp) {
    const auto distance = below_fp ? static_cast<std::int8_t>(byte_or_zero(bytes, 3)) : 0;
    size_known = fp_frame != 0;
    size = fp_frame - kStackWord - distance;
    if (!leaves) return;
  }
  const bool pops_fp = leaves || (instruction.length == 1 && opcode == kPopRbp);
  if (pops_fp) {
    const bool restored = size_known && fp_slot != 0 && fp_slot == -(size + kStackWord);
    fp_lost = !restored;
    fp_slot = 0;
    fp_frame = 0;
    size -= kStackWord;
    return;
  }
  constexpr std::int32_t kMost = 1 << 26;  // bytes; no frame is as large, whatever its code says
  if (!instruction.stack_growth || size > kMost || size < -kMost) size_known = false;
  size = size_known ? size + *instruction.stack_growth : 0;
  if (instruction.length == 1 && opcode == kPushRbp && !fp_lost && fp_slot == 0 && size_known)
    fp_slot = -(size + kStackWord);
  const bool from_sp = instruction.copy && instruction.copy->first == kRbp &&
                       instruction.copy->second == kRsp && !instruction.exchange;
  if (from_sp || instruction.written.contains(kRbp)) {
    fp_frame = from_sp && size_known ? size + kStackWord : 0;
    fp_lost = fp_lost || fp_slot == 0;
  }
}

FollowedCode::FollowedCode(std::span<const CodeWindow> code, std::span<const AddressRange> gaps,
                           std::span<const std::uint64_t> functions)
    : code_(code), gaps_(gaps) {
  for (const std::uint64_t function : functions) note_function(function);
  for (const CodeWindow& window : code) find_calls_in(window);
  // Twice: only with all functions known it shows where a call at the end of one does not return.
  for (int round = 0; round < 2; ++round) {
    seen_.clear();
    ahead_.assign(functions_.begin(), functions_.end());
    while (!ahead_.empty()) {
      const std::uint64_t function = ahead_.back();
      ahead_.pop_back();
      follow(function);
    }
  }
}

bool FollowedCode::is_in_gap(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(gaps_, address, {}, &AddressRange::start);
  return after != gaps_.begin() && address < std::prev(after)->end;
}

std::span<const std::byte> FollowedCode::bytes_at(std::uint64_t address) const {
  for (const CodeWindow& window : code_)
    if (const auto bytes = window.from(address); !bytes.empty()) return bytes;
  return {};
}

// From what is not followed into what is. A byte that only looks like a call rarely leads there.
void FollowedCode::find_calls_in(const CodeWindow& window) {
  constexpr std::size_t kDistance = 4;  // bytes
  const std::span<const std::byte> bytes = window.bytes;
  for (std::size_t at = 3; at + kDistance <= bytes.size(); ++at) {
    const unsigned opcode = byte_or_zero(bytes, at - 1);
    const bool calls = opcode == kCallOpcode || opcode == kJumpOpcode;
    if (!calls && !is_lea_of_address(byte_or_zero(bytes, at - 3), byte_or_zero(bytes, at - 2),
                                     byte_or_zero(bytes, at - 1)))
      continue;
    const std::uint64_t target = by_distance(window, at);
    if (is_in_gap(target) && !is_in_gap(window.vaddr + at)) note_function(target);
  }
}

void FollowedCode::note_function(std::uint64_t address) {
  if (is_in_gap(address) && functions_.insert(address).second) ahead_.push_back(address);
}

void FollowedCode::follow(std::uint64_t function) {
  std::vector<std::pair<std::uint64_t, Frame>> ahead = {{function, Frame{}}};
  while (!ahead.empty() && seen_.size() < kMaxInstructions) {
    auto [at, frame] = ahead.back();
    ahead.pop_back();
    if (!is_in_gap(at) || (at != function && functions_.contains(at)) || seen_.contains(at))
      continue;
    const auto bytes = bytes_at(at);
    const auto instruction = decoder_.decode(bytes, at);
    if (!instruction) continue;
    seen_.emplace(at, Seen{.frame = frame, .length = instruction->length});
    // With the stack as it was a jump is as good as a call, and may be one.
    const bool hands_over = instruction->flow == Flow::kJump && frame == Frame{};
    if (instruction->target && (instruction->flow == Flow::kCall || hands_over))
      note_function(*instruction->target);
    if (instruction->length == 7 &&
        is_lea_of_address(byte_or_zero(bytes, 0), byte_or_zero(bytes, 1), byte_or_zero(bytes, 2))) {
      std::int32_t distance = 0;
      std::memcpy(&distance, bytes.data() + 3, sizeof distance);
      note_function(instruction->end() + static_cast<std::uint64_t>(std::int64_t{distance}));
    }
    frame.pass(*instruction, bytes);
    const Flow flow = instruction->flow;
    if ((flow == Flow::kJump || flow == Flow::kBranch) && instruction->target)
      ahead.emplace_back(*instruction->target, frame);
    if (flow == Flow::kNext || flow == Flow::kBranch || instruction->is_call())
      ahead.emplace_back(instruction->end(), frame);
  }
}

void FollowedCode::add_rows(UnwindRows& rows) const {
  std::optional<std::uint64_t> end;  // of the code that has rows so far
  for (auto seen = seen_.begin(); seen != seen_.end(); ++seen) {
    const std::uint64_t start = seen->first;
    if (end && start < *end) continue;  // inside of an instruction: one of the two is wrong
    if (start != end) {
      std::uint64_t run = start + seen->second.length;
      for (auto next = std::next(seen); next != seen_.end() && next->first <= run; ++next)
        if (next->first == run) run += next->second.length;
      rows.begin(start, run);
    }
    rows.add(start, seen->second.frame.rule());
    end = start + seen->second.length;
  }
}

std::vector<AddressRange> gaps_in(std::span<const AddressRange> code,
                                  std::span<const AddressRange> covered) {
  std::vector<AddressRange> gaps;
  const auto add = [&gaps](std::uint64_t start, std::uint64_t end) {
    if (end > start && end - start >= kPadding) gaps.push_back({.start = start, .end = end});
  };
  for (const AddressRange& part : code) {
    std::uint64_t at = part.start;
    auto next = std::ranges::upper_bound(covered, at, {}, &AddressRange::end);
    for (; next != covered.end() && next->start < part.end; ++next) {
      add(at, next->start);
      at = std::max(at, next->end);
    }
    add(at, part.end);
  }
  return gaps;
}

}  // namespace cw
