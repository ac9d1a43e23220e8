// Which primitive a futex call belongs to, by the call's operation, the value it expected and how
// its word behaves. Everything here is inference: a call says nothing of the lock it is for.
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

struct Classification {
  LockKind kind = LockKind::kUnknown;
  std::uint32_t offset = 0;  // of the word in its object
  bool sure = false;
  const char* mode = nullptr;  // rwlocks: "read" or "write"
};

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
