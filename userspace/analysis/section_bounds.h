// What is certain of a lock whose uncontended acquisitions cannot be seen: its fast path is inlined
// into the program (Rust's std, parking_lot), so that no function could be probed.
#pragma once

#include "model/report.h"

namespace cw {

bool is_inlined(const LockReport& lock);

// Fills in `sections`, marked bounds_only, of such locks without any:
//
//   * A wake that woke a waiter is a release, and each release but the first of the interval
//   follows
//     an acquisition in it: acquisitions/s >= (wakes - 1) / interval.
//   * One thread at a time holds a mutex, so all holds together take no longer than the interval:
//     mean hold <= interval / (wakes - 1). Not where a row may be several locks.
//
// Nothing is said of utilisation: while somebody waits, the lock may be free and on its way to a
// thread that was woken.
void add_bounds(Report& report);

}  // namespace cw
