// What /proc says of a process's memory: proc_pid_stat(5), proc_pid_status(5).
#pragma once

#include <cstdint>
#include <optional>

namespace cw {

struct MemoryUse {
  std::uint64_t start_ticks = 0;     // since boot: with the pid, the process's identity
  std::uint64_t rss_anon_bytes = 0;  // behind by some pages a CPU, as the kernel counts it
  // All threads that ever lived together.
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
};

// Two small files; not smaps_rollup, which walks all page tables under the process's own lock.
// Empty when the process is gone.
std::optional<MemoryUse> memory_use_of(std::int32_t pid);

// What the machine can still give before it reclaims what hurts: MemAvailable of proc_meminfo(5).
std::optional<std::uint64_t> machine_headroom();

}  // namespace cw
