// What was seen of the critical sections under one lock: from when a thread has it until it lets it
// go, in short windows in which acquiring and releasing were probed. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/report.h"
#include "model/snapshot.h"

namespace cw {

// One place that takes the lock, and how long it then holds it.
struct SectionHolder {
  StackId stack = 0;
  double share = 0;  // of the time the lock was held
  // The same as time, by group of windows: of one lock's holders all have as many.
  std::vector<double> held_ns;
  double acquisitions_per_s = 0;
  Distribution hold;  // completed holds that were seen, not scaled up
};

// One lock of one process.
struct LockSections {
  std::int32_t pid = 0;
  ImageId image = 0;          // for naming the stacks
  std::uint64_t address = 0;  // of the object, as pthread_mutex_lock has it
  bool is_rwlock = false;
  double observed_s = 0;  // together, of the windows behind these figures
  std::uint64_t windows = 0;
  Estimate acquisitions_per_s;  // without the probes, 95 % interval
  double contended_share = 0;   // of the acquisitions: those that had to wait
  double read_share = 0;        // of the acquisitions; rwlocks only
  std::uint64_t threads = 0;    // distinct ones that acquired it in the windows
  Distribution hold;            // completed holds that were seen, not scaled up
  Estimate hold_mean_ns;  // without the probes; holds cut off by a window's end are accounted for
  // Holds of which only a part lay inside a window: begun before it or not ended in it.
  std::uint64_t censored = 0;
  std::vector<SectionHolder> holders;  // by share, largest first
};

}  // namespace cw
