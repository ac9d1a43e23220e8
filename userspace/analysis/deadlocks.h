// Threads that wait for each other in a circle.
#pragma once

#include <vector>

#include "analysis/objects.h"
#include "model/symbolizer.h"

namespace cw {

// A thread waits for an object that the thread of the next link holds; the last link's for the
// first's.
struct WaitForLink {
  const LockObject* object = nullptr;
  const WaitInProgress* wait = nullptr;
  // Virtual addresses.
  std::uint64_t word = 0;  // what it sleeps on
  std::uint64_t lock = 0;
};
using WaitForCycle = std::vector<WaitForLink>;

// The cycles among the waits in progress that are old enough to be worth asking about. A cycle is
// proven: every thread was seen asleep on its word, without a timeout, before and after the owners
// were read, and had not woken in between. A thread that waits for what it holds itself is one too.
std::vector<WaitForCycle> find_deadlocks(const std::vector<LockObject>& objects,
                                         const Interval& interval, Symbolizer& symbolizer);

}  // namespace cw
