// What the observer itself costs: its own CPU and memory, and what its hooks add to calls that are
// none of its business.
#pragma once

#include <cstdint>

namespace cw {

// Nanoseconds a call takes on this thread, best of several short loops.
struct CallCosts {
  double plain_syscall_ns = 0;  // getppid(2): no hook of ours
  double futex_wake_ns = 0;     // FUTEX_WAKE of a word nobody waits on
  double futex_wait_ns = 0;     // FUTEX_WAIT for a value that the word does not have: no sleep
};
CallCosts measure_calls();

struct SelfUse {
  std::uint64_t cpu_ns = 0;
  std::uint64_t rss_bytes = 0;
};
SelfUse self_use();

}  // namespace cw
