// What the probes have counted so far: cumulative counters, the waits in progress and the losses,
// at one moment. Plain values; nothing here knows where they came from, so that a recording
// replays through the same analysis as a live run.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/histogram.h"

namespace cw {

using ImageId = std::uint32_t;  // one program run by one process; exec makes a new one; 0: unknown
using WordId = std::uint32_t;   // one futex word; 0: none
using StackId = std::uint64_t;  // hash of the frames' addresses; 0: not taken

// A futex word as the kernel keys it: an address in one process image, or an offset in a file
// that several processes map (then one word is one row across them).
struct WordKey {
  enum class Scope : std::uint8_t { kPrivate, kFile };
  Scope scope = Scope::kPrivate;
  std::uint64_t space = 0;    // kPrivate: ImageId; kFile: inode number
  std::uint32_t device = 0;   // kFile: the kernel's dev_t
  std::uint64_t address = 0;  // kPrivate: virtual address; kFile: byte offset in the file

  auto operator<=>(const WordKey&) const = default;
};

// A word this many bytes or fewer above the waiter's stack pointer is on its own stack.
inline constexpr std::uint64_t kOwnStackReach = 4096;

// What a waiter expected to find in the word, as far as it tells primitives apart.
enum class ValueClass : std::uint8_t {
  kZero,
  kOne,
  kTwo,
  kThree,
  kHighBit,  // bit 31 or bit 30 set, not all ones: owner or reader bits
  kAllOnes,
  kOther,
};
inline constexpr unsigned kValueClasses = 7;

// The first argument of FUTEX_WAIT and kin, as <linux/futex.h> has it: command in the low seven
// bits, 0x80 private, 0x100 realtime clock. Commands of our own for the calls that have none:
inline constexpr std::uint16_t kOpWaitv = 0x7d;  // futex_waitv(2)
inline constexpr std::uint16_t kOpWait2 = 0x7e;  // futex_wait(2)
// Of a goroutine that waits for a semaphore of Go's runtime, or lets go of one: no call at all.
inline constexpr std::uint16_t kOpGoroutine = 0x7c;
inline constexpr std::uint16_t kOpPrivate = 0x80;
inline constexpr std::uint16_t kOpRealtime = 0x100;
inline constexpr std::uint16_t kOpCommand = 0x7f;

constexpr bool is_of_goroutine(std::uint16_t op) {
  return (op & kOpCommand) == kOpGoroutine;
}

// Completed waits on one word from one stack.
struct WaitSite {
  ImageId image = 0;
  StackId stack = 0;
  std::uint16_t op = 0;
  ValueClass value = ValueClass::kZero;
  std::uint64_t waits = 0;
  std::uint64_t wait_ns = 0;
  std::uint64_t on_own_stack = 0;  // waits on a word that lay on the waiter's own stack
};

// Wakes of one word from one stack that woke somebody, and the waiting they are charged with.
struct WakeSite {
  ImageId image = 0;
  StackId stack = 0;
  std::uint16_t op = 0;  // the wake's own: 0x81 FUTEX_WAKE private...
  std::uint64_t wakes = 0;
  std::uint64_t charged_ns = 0;  // threads x time that piled up since the wake before
};

// Counters of one word. All but `waiters` only grow.
struct Word {
  WordId id = 0;
  WordKey key;
  std::uint32_t waiters = 0;     // threads waiting at this moment
  std::uint64_t waiting_ns = 0;  // integral of waiters over time, up to the snapshot
  std::uint64_t busy_ns = 0;     // time with at least one waiter, up to the snapshot
  std::uint64_t charged_ns = 0;  // part of waiting_ns that wakes were charged with
  std::uint64_t woken = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t interrupted = 0;
  std::int64_t unsettled = 0;     // waits that wait_hist holds and none of the three above yet
  std::uint64_t raced = 0;        // calls that never slept; not waits
  std::uint64_t failed = 0;       // calls the kernel refused (EINVAL, EFAULT...); not waits
  std::uint64_t at_least = 0;     // completed waits whose beginning was not seen
  std::uint64_t wait_ns = 0;      // of completed waits, whole length
  std::uint64_t runnable_ns = 0;  // of completed waits: run-queue delay
  std::uint64_t distinct = 0;  // sum over polls of the distinct threads that began or ended a wait
  std::uint64_t wakes = 0;     // wake calls that woke somebody
  std::uint64_t repeats =
      0;  // waits by a thread just woken here that expected the same value again
  std::uint32_t first_value = 0;    // value the first waiter expected
  std::uint64_t value_changes = 0;  // waits that expected another value than the wait before
  Histogram wait_hist;              // ns, completed waits
  Histogram gap_hist;               // ns, time with somebody waiting between two wakes
  std::vector<WaitSite> wait_sites;
  std::vector<WakeSite> wake_sites;
};

// Set in the number of a goroutine, which stands where a thread's does.
inline constexpr std::uint32_t kGoroutine = std::uint32_t{1} << 31U;

struct WaitInProgress {
  std::uint32_t tid = 0;
  ImageId image = 0;
  WordId word = 0;
  StackId stack = 0;
  std::uint64_t start_ns = 0;  // for at_least: when we attached
  std::uint16_t op = 0;
  std::uint32_t value = 0;
  ValueClass value_class = ValueClass::kZero;
  bool on_own_stack = false;
  bool at_least = false;     // began before we attached
  std::uint32_t weight = 1;  // waits that its stack stands for; 0: its stack was not wanted
  bool counted = false;      // already among `distinct` of the current poll
  [[nodiscard]] bool is_of_goroutine() const { return (tid & kGoroutine) != 0; }
  // Nothing was lost: others stand for it.
  [[nodiscard]] bool is_left_to_others() const { return stack == 0 && weight == 0; }
};

// Whether a process is one of those that were asked for.
enum class Watched : std::uint8_t {
  kNo,
  kYes,
  kUndecided,  // counted until it is decided
};

// One program run by one process.
struct Image {
  ImageId id = 0;
  std::int32_t pid = 0;
  std::string comm;
  Watched watched = Watched::kYes;    // kNo: only woke somebody on a shared word
  std::uint64_t ended_ns = 0;         // exit or exec; 0: alive
  std::uint64_t exited_cpu_ns = 0;    // of its threads that ended
  std::uint64_t exited_delay_ns = 0;  // run-queue delay of its threads that ended
};

// What could not be seen, counted. Cumulative.
struct Losses {
  std::uint64_t waits = 0;     // waits that no row holds
  std::uint64_t stacks = 0;    // waits and wakes whose stack could not be kept
  std::uint64_t events = 0;    // hook runs the kernel skipped, and updates given up
  std::uint64_t map_full = 0;  // inserts that a full map refused

  auto operator<=>(const Losses&) const = default;
  Losses operator+(const Losses& other) const {
    return {.waits = waits + other.waits,
            .stacks = stacks + other.stacks,
            .events = events + other.events,
            .map_full = map_full + other.map_full};
  }
  Losses operator-(const Losses& before) const {
    return {.waits = waits - before.waits,
            .stacks = stacks - before.stacks,
            .events = events - before.events,
            .map_full = map_full - before.map_full};
  }
};

struct Snapshot {
  std::uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  std::unordered_map<ImageId, Image> images;
  std::unordered_map<WordId, Word> words;
  std::vector<WaitInProgress> in_progress;
  Losses losses;
};

// Of a counter that only grows; 0 where it began anew.
inline std::uint64_t grown_by(std::uint64_t before, std::uint64_t after) {
  return after > before ? after - before : 0;
}

}  // namespace cw
