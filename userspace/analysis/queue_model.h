// Threads and a lock as a closed queue: each of N threads thinks for a time, asks for the lock,
// waits while others have it, holds it, and thinks again (the machine-repairman model). Exact for
// exponential times, by convolution (Buzen, 1973); corrected where holds vary less.
#pragma once

#include <cstdint>
#include <optional>

namespace cw {

struct LockLoad {
  std::uint64_t threads = 0;
  double think_s = 0;   // mean, from letting the lock go to asking for it again
  double hold_s = 0;    // mean
  double hold_cv2 = 1;  // variance of the holds / mean^2: 0 all alike; above 1 counts as 1
  // Passing the lock on to a thread that sleeps, as if letting go took so much longer while others
  // wait.
  double handover_s = 0;
  std::uint64_t locks = 1;  // of which each acquisition takes one, all alike likely
};

struct LockFlow {
  double acquisitions_per_s = 0;  // all locks together
  double utilisation = 0;         // of one lock: share of the time in which it is held
  double waiting = 0;             // threads, mean, all locks together
};

LockFlow flow_of(const LockLoad& load);

// What a lock was seen to do.
struct SeenFlow {
  std::uint64_t threads = 0;
  double acquisitions_per_s = 0;
  double hold_s = 0;
  double hold_cv2 = 1;
  double waiting = 0;  // threads, mean
};

// The load under which the model does what was seen: thinking is what is left of the threads' time,
// handing over what is left of the lock's. Empty where no load does, within a tenth.
std::optional<LockLoad> fitted_load(const SeenFlow& seen);

// Threads from which on more of them add nothing: (think + hold) / hold.
double saturating_threads(const LockLoad& load);

}  // namespace cw
