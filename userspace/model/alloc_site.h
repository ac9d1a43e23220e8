// Where the calls of an allocator are probed: plain values, found by process/allocators.h, attached
// by probes/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/fd.h"

namespace cw {

// By what the arguments mean: "tc_memalign" and "memalign" are the same call.
enum class AllocCall : std::uint8_t {
  kMalloc,         // (size); also mi_zalloc, pvalloc's kin without alignment
  kCalloc,         // (count, size)
  kRealloc,        // (pointer, size)
  kReallocarray,   // (pointer, count, size)
  kAlignedAlloc,   // (alignment, size); memalign, too
  kPosixMemalign,  // (address of the result, alignment, size)
  kMallocAligned,  // (size, alignment); jemalloc's mallocx(size, flags), mimalloc's own order
  kNew,            // (size), and whatever follows; throws
  kNewNothrow,     // (size), and whatever follows
  kFree,           // (pointer), and whatever follows; operator delete without size, too
  kFreeSized,      // (pointer, size), and whatever follows
};
const char* name_of(AllocCall call);  // "malloc", "operator new"...

// Which argument, counted from 0, is what.
struct CallShape {
  std::optional<std::uint8_t> size = std::nullopt;
  std::optional<std::uint8_t> count =
      std::nullopt;  // the block has count * size bytes; it may overflow: fails
  std::optional<std::uint8_t> pointer = std::nullopt;  // the block that is freed or resized
  bool allocates = false;         // its result is a block, or NULL when it failed
  bool result_in_memory = false;  // at the address given by the first argument; returns errno
  bool may_throw = false;         // must not be return-probed

  [[nodiscard]] bool frees() const { return pointer.has_value(); }
  // A failed one leaves the block at `pointer` alone.
  [[nodiscard]] bool resizes() const { return allocates && frees(); }
};
CallShape shape_of(AllocCall call);

// A register of the observed process by its DWARF number. x86-64 (psABI 3.6.2): rax 0, rdx 1,
// rcx 2, rbx 3, rsi 4, rdi 5, rbp 6, rsp 7, r8 to r15 8 to 15. AArch64: x0 to x30 0 to 30.
enum class Register : std::uint8_t {};

inline std::uint8_t number_of(Register place) {
  return static_cast<std::uint8_t>(place);
}
inline std::optional<std::uint8_t> number_of(const std::optional<Register>& place) {
  return place ? std::optional(number_of(*place)) : std::nullopt;
}

// Addresses of the process.
struct AddressRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // first byte behind it

  bool operator==(const AddressRange&) const = default;
};

// One function, probed at one instruction.
struct ProbeSite {
  AllocCall call = AllocCall::kMalloc;
  std::string function;            // as in the symbol table: "malloc", "_rjem_malloc", "_Znwm"
  std::shared_ptr<const Fd> file;  // that the function is in: attach by /proc/self/fd/N
  std::string module;              // its name: "libc.so.6"
  std::uint64_t size = 0;          // of the function, bytes; its `.cold` part not included
  std::uint64_t entry_vaddr = 0;   // of the function, as the file has it
  std::uint64_t entry_offset = 0;  // the same in the file: what return probes attach to
  std::uint64_t vaddr = 0;         // of the instruction
  std::uint64_t file_offset = 0;   // the same in the file: what to attach to
  std::uint64_t load_bias = 0;     // what to add to virtual addresses in this process

  // Where the arguments are when the instruction is about to run; empty: the call has none such.
  std::optional<Register> size_in;
  std::optional<Register> count_in;
  std::optional<Register> pointer_in;
  // The return address is at rsp + pushed. It tells a call by another function of the allocator.
  std::uint32_t pushed = 0;

  bool emulated = false;    // the kernel does the instruction itself; else it single-steps
  std::string instruction;  // "push r12"; empty: not decoded
  std::string why_entry;    // of a site that is not emulated: why there is no better one

  // Functions of the allocator that call this one as part of a call that is counted already: a hit
  // whose return address lies in one of these is none of the program's calls. Ascending.
  std::vector<AddressRange> nested_in;
  // Entries (entry_vaddr + load_bias) of sites that this function may go on to by a jump, as
  // glibc's realloc(NULL, n) and memalign(8, n) do to malloc. Then the program's one call hits
  // both, with the same return address at the same place: count it once.
  std::vector<std::uint64_t> jumps_to;

  std::optional<double> cost_ns;  // a hit, as measured on ourselves; empty: it was not
};

// How the process comes to an allocator.
enum class AllocatorReach : std::uint8_t {
  kDefault,   // what `malloc` means in this process
  kOwnNames,  // by functions of other names, or linked into one library
  kByHand,    // loaded later, or behind the default: only who asks for its addresses gets there
  kShadowed,  // another one took over all its names: not probed
};

const char* name_of(AllocatorReach reach);  // "default", "own names", "by hand", "shadowed"

// An allocator in one file of the process.
struct AllocatorSites {
  std::string allocator;  // "glibc 2.36", "jemalloc"; the file's name when it is not known
  std::string module;     // "libc.so.6"
  AllocatorReach reach = AllocatorReach::kDefault;
  std::vector<ProbeSite> sites;
  std::vector<std::string> not_observable;  // one line each, with the reason
};

}  // namespace cw
