// Which primitive a futex call belongs to, by the call's operation, the value it expected and how
// its word behaves. Everything here is inference: a call says nothing of the lock it is for. Where
// the frames around the call are known they decide (runtime_frames.h), and this breaks ties.
#pragma once

#include <cstdint>

#include "model/report.h"
#include "model/snapshot.h"

namespace cw {

// What is known of a word beside the call; a set of bits.
enum Evidence : std::uint32_t {
  kAligned = 1U << 0U,          // the address is a multiple of 8
  kHalfAligned = 1U << 1U,      // the address is 4 past a multiple of 8
  kRepeats = 1U << 2U,          // a thread just woken waited again for the same value
  kSteady = 1U << 3U,           // all waits expected the same value
  kMoves = 1U << 4U,            // waits expected differing values
  kOnWaitersStack = 1U << 5U,   // all waits were on a word on the waiter's own stack
  kOnlyHighBit = 1U << 6U,      // the expected value was 0x80000000: nobody's id in it
  kBesideRwlock = 1U << 7U,     // glibc's rwlock waits on this word or on the one after it
  kAfterRustRwlock = 1U << 8U,  // the word before is the state of a Rust RwLock
  kBeforeCondvar = 1U << 9U,    // the word after is waited on as the second half of a condvar
};

// Marks of a primitive that decide how its words are read; a set of bits.
enum Trait : std::uint32_t {
  // Each waiter sleeps on a word of its own: the address names no lock.
  kPerWaiter = 1U << 0U,
  // Waiters time out and wait again: a run of time-outs is one wait.
  kPolls = 1U << 1U,
  // Made to be waited on by one thread or fought over by several: two at once tell a lock.
  kLockWhenCrowded = 1U << 2U,
  // The offset counts from the multiple of 8 at or below the word: two words in one cell.
  kInCell = 1U << 3U,
  // The process has one, or a few that are alike: the primitive is its name.
  kNamesItself = 1U << 4U,
  // Its words do not say which thread has it.
  kNotesNoOwner = 1U << 5U,
};

struct Classification {
  LockKind kind = LockKind::kUnknown;
  std::uint32_t offset = 0;  // of the word in its object
  bool sure = false;
  const char* mode = nullptr;  // rwlocks: "read" or "write"
  std::uint32_t traits = 0;
  const char* primitive = nullptr;  // "LWLock", "malloc arena"...: where frames told

  [[nodiscard]] bool has(Trait trait) const { return (traits & trait) != 0; }
};

// The address of the object that a word at `address` belongs to.
std::uint64_t object_address(std::uint64_t address, const Classification& what);

// The kinds of call that primitives make; the hex is the futex operation. A set of bits.
enum Call : std::uint32_t {
  kFutexWait = 1U << 0U,                  // 80
  kFutexWaitShared = 1U << 1U,            // 0
  kFutexBitset = 1U << 2U,                // 89
  kFutexBitsetRealtime = 1U << 3U,        // 189
  kFutexBitsetShared = 1U << 4U,          // 9
  kFutexBitsetSharedRealtime = 1U << 5U,  // 109
  kFutexLockPi = 1U << 6U,                // 86, 8d and their shared forms
  kFutexRequeuePi = 1U << 7U,             // 8b
  kGoSemaphore = 1U << 8U,                // kOpGoroutine
};
std::uint32_t call_of(std::uint16_t op);  // 0: none of these

constexpr std::uint32_t bit(ValueClass value) {
  return 1U << static_cast<unsigned>(value);
}
inline constexpr std::uint32_t kAnyValue = (1U << kValueClasses) - 1;

// What one call says of its word, given the evidence.
Classification classify_call(std::uint16_t op, ValueClass value, std::uint32_t evidence);

// What a call tells about the words beside its own; a set of bits.
enum Hint : std::uint32_t {
  kGlibcRwlockHint = 1U << 0U,
  kRustRwlockHint = 1U << 1U,
  kCondvarHint = 1U << 2U,
};
std::uint32_t hints_of(std::uint16_t op, ValueClass value);

}  // namespace cw
