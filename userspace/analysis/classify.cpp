#include "analysis/classify.h"

#include <linux/futex.h>

#include <algorithm>
#include <array>

namespace cw {
namespace {

// The kinds of call that primitives make; the hex is the futex operation.
enum Call : std::uint32_t {
  kWait = 1U << 0U,                  // 80
  kWaitShared = 1U << 1U,            // 0
  kBitset = 1U << 2U,                // 89
  kBitsetRealtime = 1U << 3U,        // 189
  kBitsetShared = 1U << 4U,          // 9
  kBitsetSharedRealtime = 1U << 5U,  // 109
  kLockPi = 1U << 6U,                // 86, 8d and their shared forms
  kRequeuePi = 1U << 7U,             // 8b
};
constexpr std::uint32_t kGlibcTimed = kBitsetRealtime | kBitsetShared | kBitsetSharedRealtime;
constexpr std::uint32_t kAnyBitset = kGlibcTimed | kBitset;

constexpr std::uint32_t bit(ValueClass value) {
  return 1U << static_cast<unsigned>(value);
}
constexpr std::uint32_t kZero = bit(ValueClass::kZero);
constexpr std::uint32_t kOne = bit(ValueClass::kOne);
constexpr std::uint32_t kTwo = bit(ValueClass::kTwo);
constexpr std::uint32_t kThree = bit(ValueClass::kThree);
constexpr std::uint32_t kHighBit = bit(ValueClass::kHighBit);
constexpr std::uint32_t kAllOnes = bit(ValueClass::kAllOnes);
constexpr std::uint32_t kOther = bit(ValueClass::kOther);
constexpr std::uint32_t kAnyValue = (1U << kValueClasses) - 1;

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
    Rule{kLockPi, kAnyValue, 0, {LockKind::kMutex, 0, kSure, nullptr}},
    Rule{kRequeuePi, kAnyValue, 0, {LockKind::kCondvar, 0, kSure, nullptr}},

    // 80/2: glibc's mutex, arena and stdio locks, all at a multiple of 8. musl's condition
    // variables wait with 80/2 on the waiter's stack; a barrier's round may be 2, at +4.
    Rule{kWait, kTwo, kOnWaitersStack, {LockKind::kUnknown, 0, kGuess, nullptr}},
    Rule{kWait, kTwo, kAligned, {LockKind::kMutex, 0, kSure, nullptr}},
    // musl: sem_wait sets the high bit and nothing else, a mutex has its owner below it.
    Rule{kWait, kHighBit, kOnlyHighBit, {LockKind::kSemaphore, 0, kGuess, nullptr}},
    Rule{kWait, kHighBit, 0, {LockKind::kMutex, 0, kSure, nullptr}},
    // Process-shared, and robust ones: the owner's id with the waiters bit.
    Rule{kWaitShared, kTwo | kHighBit, 0, {LockKind::kMutex, 0, kSure, nullptr}},
    Rule{kBitsetShared | kBitsetSharedRealtime, kHighBit, 0, {LockKind::kMutex, 0, kSure, nullptr}},

    // Rust's RwLock: readers and writers meet on the state, writers wait on the word behind it.
    Rule{kBitset, kAnyValue & ~kAllOnes, kAfterRustRwlock, {LockKind::kRwlock, 4, kSure, "write"}},
    Rule{kBitset, kHighBit, 0, {LockKind::kRwlock, 0, kSure, nullptr}},
    // glibc's rwlock: phase word at +8, writers' word at +12.
    Rule{kGlibcTimed, kThree, kAligned, {LockKind::kRwlock, 8, kSure, "read"}},
    Rule{kGlibcTimed, kThree, kHalfAligned, {LockKind::kRwlock, 12, kSure, "write"}},
    Rule{kAnyBitset, kTwo, kBesideRwlock | kAligned, {LockKind::kRwlock, 8, kSure, "write"}},
    // Timed mutexes and Rust's Mutex wait for 2; so does a counter that happens to stand at 2, as
    // in Rust's condition variables and glibc's from 2.41. A counter moves with every wake.
    Rule{kAnyBitset, kTwo, kRepeats | kSteady, {LockKind::kMutex, 0, kSure, nullptr}},

    // Idle waits.
    Rule{kBitset, kAllOnes, 0, {LockKind::kPark, 0, kSure, nullptr}},
    Rule{kBitsetShared | kBitsetSharedRealtime, kOther, 0, {LockKind::kJoin, 0, kSure, nullptr}},
    // glibc's condvar: two words, at +40 and +44. Alone at a multiple of 8 it looks like a
    // semaphore, whose word is at +0. From 2.41 the words count.
    Rule{kAnyBitset, kZero, kHalfAligned, {LockKind::kCondvar, 44, kSure, nullptr}},
    Rule{kAnyBitset, kZero, kBeforeCondvar, {LockKind::kCondvar, 40, kSure, nullptr}},
    Rule{kAnyBitset, kZero, 0, {LockKind::kCondvar, 0, kGuess, nullptr}},
    Rule{kBitsetRealtime, kOther, kHalfAligned, {LockKind::kCondvar, 44, kGuess, nullptr}},
    Rule{kBitsetRealtime, kOther, 0, {LockKind::kCondvar, 0, kGuess, nullptr}},

    // Counters: each wake moves the value.
    Rule{kWait,
         kAnyValue & ~kAllOnes,
         kMoves | kHalfAligned,
         {LockKind::kBarrier, 4, kGuess, nullptr}},
    Rule{kWait | kWaitShared,  // shared: std::atomic::wait of libstdc++
         kOne | kThree | kOther,
         kMoves,
         {LockKind::kEventcount, 0, kGuess, nullptr}},
    Rule{kAnyBitset, kAnyValue, kMoves, {LockKind::kCondvar, 0, kGuess, nullptr}},
};

std::uint32_t call_of(std::uint16_t op) {
  const bool is_private = (op & kOpPrivate) != 0;
  const bool realtime = (op & kOpRealtime) != 0;
  switch (op & kOpCommand) {
    case FUTEX_WAIT:
      return is_private ? kWait : kWaitShared;
    case FUTEX_WAIT_BITSET:
      if (is_private) return realtime ? kBitsetRealtime : kBitset;
      return realtime ? kBitsetSharedRealtime : kBitsetShared;
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
      return kLockPi;
    case FUTEX_WAIT_REQUEUE_PI:
      return kRequeuePi;
    default:
      return 0;
  }
}

}  // namespace

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
  if (call == kBitset && value == ValueClass::kHighBit) hints |= kRustRwlockHint;
  if ((call & kAnyBitset) != 0 && value == ValueClass::kZero) hints |= kCondvarHint;
  return hints;
}

}  // namespace cw
