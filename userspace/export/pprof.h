// For `go tool pprof`: https://github.com/google/pprof/blob/main/proto/profile.proto, gzipped.
// Waiters only; contentions/count and delay/nanoseconds, as Go's own profile of mutexes has them;
// each sample is labelled with its lock, kind and process.
#pragma once

#include <string>

#include "export/lock_profile.h"

namespace cw {

std::string to_pprof(const LockProfile& profile);

}  // namespace cw
