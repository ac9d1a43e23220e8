// A picture of who waits for which lock, and who lets them go on: one SVG file that needs nothing
// else, for any browser. Upwards from the row of locks: the stacks of the waiters, root first;
// downwards, mirrored, those of the threads that woke them. The width is the time waited. Of
// allocations: who makes them, upwards from the row of allocators; the width is bytes.
#pragma once

#include <string>

#include "export/profile.h"

namespace cw {

std::string to_flamegraph(const Profile& profile);

}  // namespace cw
