// What the calls of one window tell of each lock: who had it, from when to when.
//
//   asked        the call begins; where the thread then waits, the lock is its own when that wait
//                ends, as the futex hooks saw; else at once
//                (after a wait on a condition that is a little early: by the microsecond it takes
//                to have the mutex again, and by what the thread then lacks a CPU)
//   let go       unlock begins, or a wait on a condition, which takes the mutex again when it ends
//
// Acquisitions are counted where they end: what only tried, or gave up in time, never gets there.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "model/histogram.h"
#include "model/section_event.h"

namespace cw {

// Bytes of a pthread_mutex_t and a pthread_rwlock_t, glibc's and musl's on x86-64: a word in there
// belongs to it, whatever offset its row was told.
inline constexpr std::uint64_t kMutexBytes = 40;
inline constexpr std::uint64_t kRwlockBytes = 56;
constexpr bool lies_in_lock(std::uint64_t word, std::uint64_t lock, bool is_rwlock) {
  return word >= lock && word - lock < (is_rwlock ? kRwlockBytes : kMutexBytes);
}

// Of acquisitions at one call site; only those whose stack was taken.
struct HolderWindow {
  std::uint64_t acquisitions = 0;
  std::uint64_t completed = 0;
  std::uint64_t held_ns = 0;  // of completed ones
  std::uint64_t cut_ns = 0;   // of those that the window's end cut off, up to there
  Histogram holds;            // ns, completed ones
  void add(const HolderWindow& other);
};

// One lock in one window. Holds are what is left when the probes' own time is taken out.
struct LockWindow {
  bool is_rwlock = false;
  std::uint64_t asks = 0;      // calls that may take it
  std::uint64_t releases = 0;  // outermost ones: as many as there are acquisitions, on average
  // Of those whose beginning was seen:
  std::uint64_t begun = 0;
  std::uint64_t contended = 0;  // that had to wait
  std::uint64_t reads = 0;
  Histogram holds;  // ns, of those that also ended in the window
  std::uint64_t held_ns = 0;
  std::uint64_t hits_within = 0;  // those holds': probes of other locks that the holder passed
  Histogram cut;                  // ns, of the others, up to the window's end
  std::uint64_t cut_ns = 0;
  std::uint64_t begun_before = 0;      // ended in the window; the beginning was not seen
  std::vector<std::uint32_t> threads;  // that had it
  // What probes took, likely; see lock_rate.h.
  double calls_ns = 0;   // those of its own calls
  double within_ns = 0;  // those that the holders passed, of holds that began and ended here
  double slowed = 0;     // share of its calls that its threads, each by itself, lost to probes
  std::map<StackId, HolderWindow> holders;
};

struct SectionWindow {
  static constexpr std::size_t kMostLocks = 512;

  std::uint64_t open_ns = 0;
  std::uint64_t length_ns = 0;
  ProbeSet set = ProbeSet::kBoth;
  std::uint64_t stacks_one_in = 0;
  std::uint64_t hits = 0;
  std::uint64_t threads = 0;  // that passed a probe
  double busiest_ns = 0;      // that probes took of the thread that lost most to them
  bool stepped = false;       // some take far longer than what is reckoned with
  // By address; of more than kMostLocks those that were called for most.
  std::map<std::uint64_t, LockWindow> locks;
  bool left_out = false;  // there were more
  LockWindow all;         // calls of all locks together, and what these took: nothing else
};

// Null where the window did not meet it.
const LockWindow* lock_in(const SectionWindow& window, std::uint64_t address);

// What the hits took beside costs.hit_ns each, since threads paused before them: about, by how far
// apart each thread's are on average.
double cold_hits_ns(const SectionRecord& record, const SectionCosts& costs);

SectionWindow sections_in(SectionRecord record, const SectionCosts& costs);

}  // namespace cw
