// For `go tool pprof`: https://github.com/google/pprof/blob/main/proto/profile.proto, gzipped.
// Waiters only; contentions/count and delay/nanoseconds, as Go's own profile of mutexes has them;
// each sample is labelled with its lock, kind and process. Of allocations alloc_objects/count and
// alloc_space/bytes, as Go's profile of the heap; labelled with allocator and process.
#pragma once

#include <string>

#include "export/profile.h"

namespace cw {

std::string to_pprof(const Profile& profile);

}  // namespace cw
