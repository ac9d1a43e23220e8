// Takes into the books who already waits: hooks see only what begins after them.
#pragma once

#include <cstdint>

#include "probes/lock_probes.h"

namespace cw {

void seed_waits(LockProbes& probes, std::int32_t pid);

}  // namespace cw
