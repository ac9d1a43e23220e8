// What became of an allocator's blocks, and what its calls take, as people read it.
#pragma once

#include <string>

#include "model/report.h"

namespace cw {

// "83 % freed within 1 ms (78 to 88 %), 4 % by another thread"; empty: nothing is known.
std::string lifetimes_text(const AllocatorReport& row);
// "under 400 ns"; empty likewise.
std::string latency_text(const AllocatorReport& row);

}  // namespace cw
