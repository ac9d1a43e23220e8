// Where control goes from a function, by following its branches: which of an allocator's functions
// call which. x86-64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "process/elf_imports.h"
#include "process/elf_symbols.h"
#include "process/instruction.h"

namespace cw {

// Where a call or jump leads: into this file, or by a name into another one.
struct Destination {
  std::uint64_t vaddr = 0;  // 0: not known, or in another file
  std::string name;         // of what another file defines
};

struct FunctionFlow {
  struct Call {
    std::uint64_t returns_to = 0;
    Destination to;
  };
  std::vector<Call> calls;
  std::vector<Destination> tails;  // what it ends in a jump to, of the entries and other files
};

// Part of a file's code, in memory.
struct CodeWindow {
  std::uint64_t vaddr = 0;
  std::vector<std::byte> bytes;

  [[nodiscard]] std::span<const std::byte> from(std::uint64_t address) const {
    if (address < vaddr || address - vaddr >= bytes.size()) return {};
    return std::span(bytes).subspan(address - vaddr);
  }
};

// The code of a file (open for reading) around some functions of one segment; empty when it cannot
// be read.
CodeWindow read_code(int file, const ElfImage& image, const AddressRange& functions);

class CodeFlow {
 public:
  static constexpr std::size_t kMaxInstructions = 20'000;  // followed a function

  // All must outlive this. A jump to one of `entries` ends the function that makes it.
  CodeFlow(const CodeWindow& code, const ElfImage& image, const ElfImports& imports,
           std::set<std::uint64_t> entries);

  // What the code from `entry` on calls, and jumps to. Through jump tables it is not followed, nor
  // past a call into what begins another function (the call does not return then).
  const FunctionFlow& flow_of(std::uint64_t entry);

  // Whether all that the function does, if it does anything, is done by those it hands over to:
  // every way through it meets one of them, except for ways that throw, or that call nothing and
  // store nothing but constants (they fail, or had nothing to do).
  bool only_hands_over(std::uint64_t entry,
                       const std::function<bool(const Destination&)>& is_handed_to);

  // Follows a stub of the procedure linkage table.
  Destination resolve(std::uint64_t target);

 private:
  struct Step {
    std::uint64_t at = 0;
    bool acted = false;  // called or stored something on the way
  };

  [[nodiscard]] Destination through(std::uint64_t slot) const;
  [[nodiscard]] std::string_view name_of(const Destination& to) const;
  [[nodiscard]] Destination destination_of(const Instruction& instruction);
  // Whether falling through to `next` leaves the function that begins at `entry`.
  [[nodiscard]] bool runs_into_another(std::uint64_t entry, const Instruction& instruction) const;

  Decoder decoder_;
  const CodeWindow* code_;
  const ElfImage* image_;
  const ElfImports* imports_;
  std::set<std::uint64_t> entries_;
  std::map<std::uint64_t, FunctionFlow> flows_;
};

// Where other code branches to inside of functions, their entries left out: by the function. Looks
// at every byte as if a branch with a 4-byte distance began there: finds all of them, whatever lies
// between, and rarely one that is none. `functions`: by address, ascending.
using Landings = std::map<std::uint64_t, std::vector<std::uint64_t>>;
Landings landings_in(const CodeWindow& code, const std::vector<AddressRange>& functions);

}  // namespace cw
