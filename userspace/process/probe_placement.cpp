#include "process/probe_placement.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "process/instruction.h"

namespace cw {
namespace {

constexpr std::size_t kMaxFunction = std::size_t{64} << 10;  // bytes decoded
constexpr std::size_t kLongestLine = 64;                     // instructions looked at for a site

constexpr unsigned byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}

// The function as a whole, as far as it concerns what may come back to its first instructions.
struct Body {
  std::vector<std::uint64_t> landings;  // targets of its branches, inside of it
  bool unknown_jumps = false;           // jump tables, and what could not be decoded
};

Body look_through(Decoder& decoder, std::span<const std::byte> code, std::uint64_t vaddr) {
  Body body;
  for (std::size_t at = 0; at < code.size();) {
    const auto instruction = decoder.decode(code.subspan(at), vaddr + at);
    if (!instruction) {
      body.unknown_jumps = true;
      return body;
    }
    at += instruction->length;
    // A jump through a fixed address goes to another function: the way of calls between modules.
    if (instruction->flow == Flow::kIndirectJump && !instruction->slot) body.unknown_jumps = true;
    const bool moves = instruction->flow == Flow::kBranch || instruction->flow == Flow::kJump ||
                       instruction->flow == Flow::kCall;
    if (!moves || !instruction->target) continue;
    if (*instruction->target > vaddr && *instruction->target - vaddr < code.size())
      body.landings.push_back(*instruction->target);
  }
  return body;
}

// Which register holds which argument.
class Arguments {
 public:
  Arguments() {
    std::uint8_t argument = 0;
    for (const Register reg : kFirstArguments) held_[static_cast<unsigned>(reg)] = argument++;
  }

  void pass(const Instruction& instruction) {
    const auto before = held_;
    for (unsigned reg = 0; reg < held_.size(); ++reg) {
      if (instruction.written.contains(Register(static_cast<std::uint8_t>(reg))))
        held_[reg].reset();
    }
    if (!instruction.copy) return;
    const auto [to, from] = *instruction.copy;
    held_[static_cast<unsigned>(to)] = before[static_cast<unsigned>(from)];
    if (instruction.exchange)
      held_[static_cast<unsigned>(from)] = before[static_cast<unsigned>(to)];
  }

  [[nodiscard]] std::optional<Register> find(std::uint8_t argument) const {
    const Register own = kFirstArguments.at(argument);
    if (holds(own, argument)) return own;
    for (unsigned reg = 0; reg < held_.size(); ++reg) {
      if (held_[reg] == argument) return Register(static_cast<std::uint8_t>(reg));
    }
    return std::nullopt;
  }
  [[nodiscard]] bool holds(Register reg, std::uint8_t argument) const {
    return held_[static_cast<unsigned>(reg)] == argument;
  }

 private:
  std::array<std::optional<std::uint8_t>, 16> held_;  // by DWARF number
};

// Fills in where the arguments are; false when one of them is in no register any more.
bool find_arguments(const Arguments& arguments, const CallShape& shape, Placement& site) {
  const auto look_up = [&](const std::optional<std::uint8_t>& argument,
                           std::optional<Register>& into) {
    into = argument ? arguments.find(*argument) : std::nullopt;
    return !argument || into;
  };
  return look_up(shape.size, site.size_in) && look_up(shape.count, site.count_in) &&
         look_up(shape.pointer, site.pointer_in);
}

Placement at_entry(std::uint64_t vaddr, const CallShape& shape, std::string why) {
  Placement site;
  site.vaddr = vaddr;
  find_arguments(Arguments(), shape, site);
  site.why_entry = std::move(why);
  return site;
}

// Walks the instructions that every call passes, in their order, and offers each as a site.
class Line {
 public:
  Line(std::span<const std::byte> code, std::uint64_t vaddr, const CallShape& shape,
       std::span<const std::uint64_t> landings)
      : code_(code), vaddr_(vaddr), shape_(shape) {
    body_ = look_through(decoder_, code, vaddr);
    body_.landings.insert(body_.landings.end(), landings.begin(), landings.end());
  }

  Placement best() {
    read();
    Placement site = at_entry(vaddr_, shape_, {});
    walk();
    if (found_)
      site = *found_;
    else
      site.why_entry = objection_;
    const auto at = static_cast<std::size_t>(site.vaddr - vaddr_);
    site.instruction = decoder_.text(code_.subspan(at), site.vaddr);
    site.emulated = is_emulated(code_.subspan(at, std::min(length_at(at), code_.size() - at)));
    return site;
  }

 private:
  // Up to the first one that does not simply go on.
  void read() {
    for (std::size_t at = 0; at < code_.size() && line_.size() < kLongestLine;) {
      const auto instruction = decoder_.decode(code_.subspan(at), vaddr_ + at);
      if (!instruction) return;
      line_.push_back(*instruction);
      at += instruction->length;
      if (instruction->leaves_line()) return;
    }
  }

  [[nodiscard]] std::size_t length_at(std::size_t at) const {
    for (const Instruction& instruction : line_)
      if (instruction.address - vaddr_ == at) return instruction.length;
    return 0;
  }

  // The last instruction before any branch that makes the stack grow. A loop cannot begin before
  // it: each turn would grow the stack.
  [[nodiscard]] std::uint64_t end_of_prologue() const {
    std::uint64_t end = vaddr_;
    for (const Instruction& instruction : line_) {
      if (instruction.leaves_line()) break;
      if (instruction.stack_growth.value_or(0) > 0) end = instruction.address;
    }
    return end;
  }

  // Whether the instruction can be reached but by falling through from the entry.
  [[nodiscard]] bool is_landed_on(std::uint64_t address) const {
    return std::ranges::any_of(body_.landings, [this, address](std::uint64_t landing) {
      return landing > vaddr_ && landing <= address;
    });
  }

  void walk() {
    const std::uint64_t prologue_end = end_of_prologue();
    Arguments arguments;
    std::int64_t pushed = 0;
    for (const Instruction& instruction : line_) {
      if (is_landed_on(instruction.address)) {
        objection_ = "a branch of the function leads back to what comes next";
        return;
      }
      if (body_.unknown_jumps && instruction.address > prologue_end) {
        objection_ = "a jump of unknown target may lead back to what comes next";
        return;
      }
      Placement site;
      site.vaddr = instruction.address;
      site.pushed = static_cast<std::uint32_t>(pushed);
      if (!find_arguments(arguments, shape_, site)) {
        objection_ = "an argument is overwritten before an emulated instruction";
        return;
      }
      const auto at = static_cast<std::size_t>(instruction.address - vaddr_);
      if (is_emulated(code_.subspan(at, instruction.length))) {
        found_ = site;
        return;
      }
      if (instruction.leaves_line()) {
        objection_ = "the function branches before an emulated instruction";
        return;
      }
      if (!instruction.plain || instruction.stores_thread_local) {
        objection_ = "nothing is emulated before \"" +
                     decoder_.text(code_.subspan(at), instruction.address) + "\"";
        return;
      }
      arguments.pass(instruction);
      if (!instruction.stack_growth || pushed + *instruction.stack_growth < 0) {
        objection_ = "the stack pointer is set before an emulated instruction";
        return;
      }
      pushed += *instruction.stack_growth;
    }
    objection_ = line_.empty() ? "not x86-64 code" : "none of the first instructions is emulated";
  }

  Decoder decoder_;
  std::span<const std::byte> code_;
  std::uint64_t vaddr_;
  CallShape shape_;
  Body body_;
  std::vector<Instruction> line_;
  std::optional<Placement> found_;
  std::string objection_;
};

}  // namespace

bool is_emulated(std::span<const std::byte> instruction) {
  // Legacy prefixes that change nothing for these; with 0x66 the kernel refuses branches, and with
  // segment or lock prefixes everything.
  std::size_t at = 0;
  while (at < instruction.size() && at < 4 &&
         (byte_at(instruction, at) == 0xf2 || byte_at(instruction, at) == 0xf3))
    ++at;
  const auto rest = instruction.subspan(at);
  if (rest.empty()) return false;
  const unsigned opcode = byte_at(rest, 0);
  const bool prefixed = at != 0;
  if (rest.size() == 1) return (opcode >= 0x50 && opcode <= 0x57 && !prefixed) || opcode == 0x90;
  if (rest.size() == 2) {
    const unsigned second = byte_at(rest, 1);
    if (opcode == 0x41 && !prefixed) return second >= 0x50 && second <= 0x57;
    return opcode == 0xeb || (opcode >= 0x70 && opcode <= 0x7f);
  }
  if (rest.size() == 5) return opcode == 0xe8 || opcode == 0xe9;
  return rest.size() == 6 && opcode == 0x0f && byte_at(rest, 1) >= 0x80 && byte_at(rest, 1) <= 0x8f;
}

Placement place(std::span<const std::byte> code, std::uint64_t vaddr, const CallShape& shape,
                std::span<const std::uint64_t> landings) {
#ifdef __x86_64__
  if (code.empty()) return at_entry(vaddr, shape, "its size is not known");
  if (code.size() > kMaxFunction) return at_entry(vaddr, shape, "too long to be looked through");
  return Line(code, vaddr, shape, landings).best();
#else
  static_cast<void>(code);
  static_cast<void>(landings);
  return at_entry(vaddr, shape, "sites are chosen on x86-64 only");
#endif
}

}  // namespace cw
