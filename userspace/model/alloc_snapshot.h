// What was seen of a process's memory and of its allocator: cumulative counters at one moment, and
// the short windows in which its allocator was watched. Plain values, like model/snapshot.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/alloc_life.h"
#include "model/histogram.h"
#include "model/snapshot.h"

namespace cw {

// The memory of one process at one moment.
struct MemorySample {
  std::int32_t pid = 0;
  std::string comm;
  std::uint64_t start_ticks = 0;  // with the pid, the process's identity
  std::string cgroup;
  std::uint64_t rss_anon_bytes = 0;
  // Cumulative, of all threads that ever lived (proc_pid_stat(5)).
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  // System calls since we attached; empty where they are not counted.
  std::optional<std::uint64_t> brk;
  std::optional<std::uint64_t> mmap;
  std::optional<std::uint64_t> munmap;
  std::optional<std::uint64_t> madvise;
  // Bytes left below the nearest limit, and whose limit that is.
  std::optional<std::uint64_t> headroom_bytes;
  std::string limit;  // "memory.max of /shop", "the machine's memory"
};

// Page faults taken from one stack since we attached: each sample stands for those since the one
// before it.
struct FaultSite {
  std::int32_t pid = 0;
  StackId stack = 0;
  std::uint64_t faults = 0;
};

// A control group's pressure and throttling; cumulative.
struct GroupSample {
  std::string path;
  std::optional<std::uint64_t> memory_some_us;  // some task of it stalled for memory (PSI)
  // Enforcement periods of its CPU quota, and those of them in which it was throttled.
  std::optional<std::uint64_t> cpu_periods;
  std::optional<std::uint64_t> cpu_throttled;
};

struct MemorySnapshot {
  std::uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  std::vector<MemorySample> processes;
  std::vector<FaultSite> fault_sites;
  std::vector<GroupSample> groups;
};

// Which calls had a probe in a window.
enum class ProbeSet : std::uint8_t { kAllocs, kFrees, kBoth };
inline constexpr unsigned kProbeSets = 3;

// One short time in which probes were attached, and what passed them. Both ends are kept by the
// kernel side, so that the length is exact whatever we were doing.
struct AllocWindow {
  std::uint64_t open_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t length_ns = 0;
  ProbeSet set = ProbeSet::kBoth;
  std::uint64_t allocs = 0;
  std::uint64_t frees = 0;
  std::uint64_t bytes = 0;  // asked for, by `allocs`
  Histogram sizes;          // bytes, by `allocs`
  // Of all allocators of the process: hits that counted, threads that made them, and the time those
  // had between them, less what they lacked a CPU.
  std::uint64_t hits = 0;
  std::uint64_t threads = 0;
  std::uint64_t busy_ns = 0;
};

// Allocations made from one stack, of those whose stack was taken.
struct AllocSite {
  StackId stack = 0;
  std::uint64_t allocs = 0;  // rescaled: each taken stands for those since the one before
  std::uint64_t bytes = 0;   // likewise
};

// What is known of one allocator of one process, from its newest windows.
struct AllocatorSample {
  std::int32_t pid = 0;
  std::string comm;
  ImageId image = 0;  // for naming the stacks
  std::string allocator;
  std::string mode;  // "burst" or "full"
  // How much CPU the process had in the interval, and lacked; threads, mean. Empty: not known.
  std::optional<double> on_cpu;
  std::optional<double> runnable;
  // Oldest first; they need not touch the interval's edges.
  std::vector<AllocWindow> windows;
  std::vector<AllocSite> sites;
  // Why nothing, or less than asked for, could be watched; empty: nothing to say.
  std::string remark;
  // Blocks that were followed, oldest first; and what a call seems to take that takes no time.
  std::vector<AllocLife> lives;
  double call_floor_ns = 0;
  std::string lives_remark;  // why none are, or not all; empty: nothing to say
};

// What the probes have cost since they were last asked.
struct AllocCost {
  std::uint64_t hits = 0;
  double hit_ns = 0;     // measured on ourselves
  std::uint64_t ns = 0;  // all that the watched processes lost, stacks and attaching included
};

}  // namespace cw
