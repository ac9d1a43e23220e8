// What passed the probes on the functions that take locks and let them go, in one short window.
// Plain values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/alloc_snapshot.h"
#include "model/snapshot.h"

namespace cw {

// By what they mean: pthread_mutex_timedlock is a lock, too.
enum class SectionCall : std::uint8_t {
  kLock,
  kTryLock,
  kUnlock,
  kRead,
  kTryRead,
  kWrite,
  kTryWrite,
  kReadWriteUnlock,
  kConditionWait,  // lets the mutex go, waits, and takes it again
};
// Those that begin a critical section; all others end one, a wait on a condition does both.
constexpr bool asks(SectionCall call) {
  return call != SectionCall::kUnlock && call != SectionCall::kReadWriteUnlock &&
         call != SectionCall::kConditionWait;
}
constexpr bool is_of_rwlock(SectionCall call) {
  return call >= SectionCall::kRead && call <= SectionCall::kReadWriteUnlock;
}

// One call, as it begins.
struct SectionEvent {
  std::uint64_t time_ns = 0;    // CLOCK_MONOTONIC
  std::uint64_t lock = 0;       // address of the object
  std::uint64_t condition = 0;  // kConditionWait: address of the condition variable
  // When the thread's last futex wait ended, and on which word; 0: none since its event before.
  std::uint64_t waited_ns = 0;
  std::uint64_t waited_on = 0;
  bool slept = false;  // in that wait
  StackId stack = 0;   // of a sample of those that take a lock
  std::uint32_t tid = 0;
  SectionCall call = SectionCall::kLock;
  bool inner = false;  // a recursive mutex that the thread has already, or keeps
  bool taken = false;  // kTryLock: another thread had it
};

// A thread that waited on a futex when the window closed.
struct WaitingThread {
  std::uint32_t tid = 0;
  std::uint64_t address = 0;  // of the word
};

// Which calls are probed: those that ask for a lock, those that let one go, or both. The three sets
// are those of the allocator's windows, and serve the same end.
inline constexpr ProbeSet kAsking = ProbeSet::kAllocs;
inline constexpr ProbeSet kLettingGo = ProbeSet::kFrees;

struct SectionRecord {
  std::uint64_t open_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t length_ns = 0;
  ProbeSet set = ProbeSet::kBoth;
  bool stepped = false;  // some probes are where the kernel single-steps
  std::uint32_t stacks_one_in = 0;
  std::vector<SectionEvent> events;  // in any order
  std::vector<WaitingThread> waiting;
};

// After a pause the processor has forgotten some of what a probe's run needs.
struct ColdHit {
  double pause_ns = 0;       // of the thread, before
  double more_ns = 0;        // that a hit takes then
  double floor_more_ns = 0;  // by which a hold of nothing is then measured as longer
};

// What is to be taken out of measured holds.
struct SectionCosts {
  double hit_ns = 0;  // a run of the probes' program, with getting there and back
  // A hold of nothing, as it is measured: the end of one run, the start of one.
  double floor_ns = 0;
  double stack_ns = 0;
  std::vector<ColdHit> cold;  // by pause, the shortest first
};

}  // namespace cw
