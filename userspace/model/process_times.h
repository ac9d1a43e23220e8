// What the threads of a process have used so far: struct sched_entity and struct sched_info of each
// (include/linux/sched.h), the source of /proc/PID/task/TID/schedstat.
#pragma once

#include <cstdint>

namespace cw {

struct ProcessTimes {
  std::uint64_t threads = 0;       // alive now
  std::uint64_t cpu_ns = 0;        // user and system, of those alive
  std::uint64_t run_delay_ns = 0;  // runnable but not running, of those alive
  std::uint64_t ended_cpu_ns = 0;  // of those that ended
  bool runnable = false;           // one of them is on a CPU now, or waits for one

  bool operator==(const ProcessTimes&) const = default;
};

}  // namespace cw
