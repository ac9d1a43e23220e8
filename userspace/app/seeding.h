// Takes into the books who already waits: hooks see only what begins after them.
#pragma once

#include <cstdint>

#include "probes/lock_probes.h"
#include "process/unwind_files.h"

namespace cw {

// `files`: how to unwind the code on their stacks.
void seed_waits(LockProbes& probes, std::int32_t pid, UnwindFiles& files);

}  // namespace cw
