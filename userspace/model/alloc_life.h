// One block of an allocator that was followed from the call that made it.
#pragma once

#include <cstdint>

#include "model/snapshot.h"

namespace cw {

struct AllocLife {
  StackId stack = 0;
  std::uint64_t bytes = 0;
  std::uint64_t window_ns = 0;  // when the window opened in which it was followed
  double weight = 1;            // allocations that it stands for
  std::uint64_t lived_ns = 0;   // to its end, or for as long as we looked; less what probes took
  bool ended = false;           // freed, or resized: that begins another life
  bool elsewhere = false;       // by another thread
  std::uint64_t call_ns = 0;    // what the call that made it took, the probe's floor included
};

}  // namespace cw
