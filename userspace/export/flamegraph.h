// A picture of who waits for which lock, and who lets them go on: one SVG file that needs nothing
// else, for any browser. Upwards from the row of locks: the stacks of the waiters, root first;
// downwards, mirrored, those of the threads that woke them. The width is the time waited.
#pragma once

#include <string>

#include "export/lock_profile.h"

namespace cw {

std::string to_flamegraph(const LockProfile& profile);

}  // namespace cw
