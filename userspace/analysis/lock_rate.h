// How often a lock is taken, from windows in which probes counted.
//
// Most locks are held for much longer than a probe takes. These are counted in the windows of all
// three sets together, less what the probes took of their time:
//
//   rate = calls / (time - taken)
//
// Extrapolating as for an allocator (alloc_estimate.h) needs the figures of three sets, each with
// its own error, and is worth that only where probes take much of the time. Else it will do to know
// about how much that is:
//
// - Where somebody waits all the time, whatever delays a thread that has the lock or is about to
//   take it delays all; where nobody waits, a thread only loses its own time.
// - A thread that passed so many probes that they took much of the window, while this lock was
//   hardly to be had as at no other time, had it all the while: a loop over many locks below this
//   one takes a hundred times as long with probes as without, and neither of its ends may be in the
//   window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "analysis/alloc_estimate.h"
#include "analysis/section_windows.h"
#include "model/report.h"

namespace cw {

// What is known of a lock from elsewhere.
struct LockUse {
  std::size_t threads = 1;           // that had it, in all windows
  std::optional<double> busy_share;  // of the time, in which somebody waited; empty: not known
};

// How often the lock at `address` is let go of, per second, with its 95 % interval: the scatter of
// the windows, and what is not known of the probes' part. Empty: there are too few windows, or
// probes slow those that take it beyond telling.
std::optional<Estimate> lock_rate(std::span<const SectionWindow> windows, std::uint64_t address,
                                  const LockUse& use, const AllocContext& known);

}  // namespace cw
