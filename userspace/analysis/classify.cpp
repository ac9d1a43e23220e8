#include "analysis/classify.h"

#include <linux/futex.h>

#include <algorithm>
#include <array>

namespace cw {
namespace {

constexpr std::uint32_t kGlibcTimed =
    kFutexBitsetRealtime | kFutexBitsetShared | kFutexBitsetSharedRealtime;
constexpr std::uint32_t kAnyBitset = kGlibcTimed | kFutexBitset;

constexpr std::uint32_t kZero = bit(ValueClass::kZero);
constexpr std::uint32_t kOne = bit(ValueClass::kOne);
constexpr std::uint32_t kTwo = bit(ValueClass::kTwo);
constexpr std::uint32_t kThree = bit(ValueClass::kThree);
constexpr std::uint32_t kHighBit = bit(ValueClass::kHighBit);
constexpr std::uint32_t kAllOnes = bit(ValueClass::kAllOnes);
constexpr std::uint32_t kOther = bit(ValueClass::kOther);

struct Rule {
  std::uint32_t calls;
  std::uint32_t values;
  std::uint32_t evidence;  // all of it is required
  Classification result;
};

constexpr bool kSure = true;
constexpr bool kGuess = false;

// The first rule that fits decides; no rule: unknown.
constexpr std::array kRules = {
    // Priority inheritance: the operation itself is a lock.
    Rule{kFutexLockPi, kAnyValue, 0, {LockKind::kMutex, 0, kSure}},
    Rule{kFutexRequeuePi, kAnyValue, 0, {LockKind::kCondvar, 0, kSure}},
    // Nothing else of Go's is probed. Its semaphore is the second word (sync/mutex.go).
    Rule{kGoSemaphore, kAnyValue, 0, {LockKind::kMutex, 4, kSure, nullptr, kNotesNoOwner}},

    // 80/2: glibc's mutex, arena and stdio locks, all at a multiple of 8. musl's condition
    // variables wait with 80/2 on the waiter's stack; a barrier's round may be 2, at +4.
    Rule{kFutexWait, kTwo, kOnWaitersStack, {LockKind::kUnknown, 0, kGuess}},
    Rule{kFutexWait, kTwo, kAligned, {LockKind::kMutex, 0, kSure}},
    // musl: sem_wait sets the high bit and nothing else, a mutex has its owner below it.
    Rule{kFutexWait, kHighBit, kOnlyHighBit, {LockKind::kSemaphore, 0, kGuess}},
    // Its mutex aligns to 8, and the owner is its second word.
    Rule{kFutexWait, kHighBit, kHalfAligned, {LockKind::kMutex, 4, kSure}},
    Rule{kFutexWait, kHighBit, 0, {LockKind::kMutex, 0, kSure}},
    // Process-shared, and robust ones: the owner's id with the waiters bit.
    Rule{kFutexWaitShared, kTwo | kHighBit, 0, {LockKind::kMutex, 0, kSure}},
    Rule{
        kFutexBitsetShared | kFutexBitsetSharedRealtime, kHighBit, 0, {LockKind::kMutex, 0, kSure}},

    // Rust's RwLock: readers and writers meet on the state, writers wait on the word behind it.
    Rule{kFutexBitset,
         kAnyValue & ~kAllOnes,
         kAfterRustRwlock,
         {LockKind::kRwlock, 4, kSure, "write"}},
    Rule{kFutexBitset, kHighBit, 0, {LockKind::kRwlock, 0, kSure}},
    // glibc's rwlock: phase word at +8, writers' word at +12.
    Rule{kGlibcTimed, kThree, kAligned, {LockKind::kRwlock, 8, kSure, "read"}},
    Rule{kGlibcTimed, kThree, kHalfAligned, {LockKind::kRwlock, 12, kSure, "write"}},
    Rule{kAnyBitset, kTwo, kBesideRwlock | kAligned, {LockKind::kRwlock, 8, kSure, "write"}},
    // Timed mutexes and Rust's Mutex wait for 2; so does a counter that happens to stand at 2, as
    // in Rust's condition variables and glibc's from 2.41. A counter moves with every wake.
    Rule{kAnyBitset, kTwo, kRepeats | kSteady, {LockKind::kMutex, 0, kSure}},

    // Idle waits.
    Rule{kFutexBitset, kAllOnes, 0, {LockKind::kPark, 0, kSure}},
    Rule{kFutexBitsetShared | kFutexBitsetSharedRealtime, kOther, 0, {LockKind::kJoin, 0, kSure}},
    // glibc's condvar: two words, at +40 and +44. Alone at a multiple of 8 it looks like a
    // semaphore, whose word is at +0. From 2.41 the words count.
    Rule{kAnyBitset, kZero, kHalfAligned, {LockKind::kCondvar, 44, kSure}},
    Rule{kAnyBitset, kZero, kBeforeCondvar, {LockKind::kCondvar, 40, kSure}},
    Rule{kAnyBitset, kZero, 0, {LockKind::kCondvar, 0, kGuess}},
    Rule{kFutexBitsetRealtime, kOther, kHalfAligned, {LockKind::kCondvar, 44, kGuess}},
    Rule{kFutexBitsetRealtime, kOther, 0, {LockKind::kCondvar, 0, kGuess}},

    // Counters: each wake moves the value.
    Rule{kFutexWait, kAnyValue & ~kAllOnes, kMoves | kHalfAligned, {LockKind::kBarrier, 4, kGuess}},
    Rule{kFutexWait | kFutexWaitShared,  // shared: std::atomic::wait of libstdc++
         kOne | kThree | kOther,
         kMoves,
         {LockKind::kEventcount, 0, kGuess}},
    Rule{kAnyBitset, kAnyValue, kMoves, {LockKind::kCondvar, 0, kGuess}},
};

}  // namespace

std::uint32_t call_of(std::uint16_t op) {
  const bool is_private = (op & kOpPrivate) != 0;
  const bool realtime = (op & kOpRealtime) != 0;
  switch (op & kOpCommand) {
    case FUTEX_WAIT:
      return is_private ? kFutexWait : kFutexWaitShared;
    case FUTEX_WAIT_BITSET:
      if (is_private) return realtime ? kFutexBitsetRealtime : kFutexBitset;
      return realtime ? kFutexBitsetSharedRealtime : kFutexBitsetShared;
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
      return kFutexLockPi;
    case FUTEX_WAIT_REQUEUE_PI:
      return kFutexRequeuePi;
    case kOpGoroutine:
      return kGoSemaphore;
    default:
      return 0;
  }
}

std::uint64_t object_address(std::uint64_t address, const Classification& what) {
  const std::uint64_t from = what.has(kInCell) ? address & ~std::uint64_t{7} : address;
  return from - std::min<std::uint64_t>(what.offset, from);
}

Classification classify_call(std::uint16_t op, ValueClass value, std::uint32_t evidence) {
  const std::uint32_t call = call_of(op);
  const auto* const rule = std::ranges::find_if(kRules, [&](const Rule& candidate) {
    return (candidate.calls & call) != 0 && (candidate.values & bit(value)) != 0 &&
           (candidate.evidence & evidence) == candidate.evidence;
  });
  return rule == kRules.end() ? Classification{} : rule->result;
}

std::uint32_t hints_of(std::uint16_t op, ValueClass value) {
  const std::uint32_t call = call_of(op);
  std::uint32_t hints = 0;
  if ((call & kGlibcTimed) != 0 && value == ValueClass::kThree) hints |= kGlibcRwlockHint;
  if (call == kFutexBitset && value == ValueClass::kHighBit) hints |= kRustRwlockHint;
  if ((call & kAnyBitset) != 0 && value == ValueClass::kZero) hints |= kCondvarHint;
  return hints;
}

}  // namespace cw
