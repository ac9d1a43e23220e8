// How often a lock is taken, from windows with probes and the exact count of waits without.
//
// Between threads that all want a lock the probes change who gets it: a thread that is slowed just
// before it takes the lock again loses it more often to another, and each handing over costs a wait
// and a wake. So what probes take does not cancel (alloc_estimate.h). But the futex hooks count
// every wait on the lock, in windows as outside of them, and the time of a window is
//
//   time = calls x c(set of probes) + waits x w
//
// from which least squares tell c and w. Without probes, with W waits/s,
//
//   1 = rate x c + W x w,    c = asks x c(asking) + c(letting go) - c(both)
//
// with the calls that ask for the lock each time it is let go: more than one where some fail, or
// where it is recursive.
//
// (the regression estimator of survey sampling, waits being the auxiliary variable; Cochran,
// Sampling Techniques, chapter 7). Where a wait costs a window no time, w is about nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "model/alloc_snapshot.h"
#include "model/report.h"

namespace cw {

// What one window counted of one lock.
struct WaitsWindow {
  ProbeSet set = ProbeSet::kBoth;
  double length_ns = 0;
  double calls = 0;  // that ask for it where these alone are probed, else that let it go
  double asks = 0;   // where both are probed
  double waits = 0;  // that ended in it
};

// The interval is 95 %, by leaving out each window once (the jackknife). Empty: there are too few
// windows of some set, or waits do not explain how they differ, so that nothing is gained.
std::optional<Estimate> rate_by_waits(std::span<const WaitsWindow> windows, double waits_per_s);

}  // namespace cw
