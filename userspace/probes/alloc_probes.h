// The memory side of the kernel: loads the programs of alloc.bpf.c, reads what they counted, and
// attaches probes to allocators for as long as a window is open.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/alloc_site.h"
#include "model/alloc_snapshot.h"
#include "model/error.h"
#include "probes/armed_probes.h"
#include "probes/hit_counts.h"
#include "probes/lock_probes.h"

namespace cw {

// System calls of one process since we attached.
struct MemoryCalls {
  std::uint64_t brk = 0;
  std::uint64_t mmap = 0;
  std::uint64_t munmap = 0;
  std::uint64_t madvise = 0;
};

// A place in a file where calls into an allocator pass.
struct AllocProbe {
  std::string file;             // a path that opens the very file the process mapped
  std::uint64_t offset = 0;     // in the file
  std::uint32_t allocator = 0;  // number of the allocator in its process, below kAllocators
  bool frees = false;
  bool common = false;   // most calls pass it: it is to be armed for as short a time as possible
  bool emulated = true;  // else the kernel single-steps the instruction, at many times the cost
  // Registers by DWARF number: of the size or the pointer to free, and of the factor.
  std::optional<std::uint8_t> first;
  std::optional<std::uint8_t> factor;
  // Of a block that is resized, where resizing nothing goes on to another probe and counts there.
  std::optional<std::uint8_t> resized;
  // Callers whose calls do not count: addresses in the process, at most four; and how far above the
  // stack pointer the return address lies.
  std::vector<AddressRange> nested_in;
  std::uint32_t pushed = 0;
};
inline constexpr std::uint32_t kAllocators = 4;

// What passed the probes so far, of one allocator number. Only grows.
struct AllocCounts {
  std::uint64_t allocs = 0;
  std::uint64_t frees = 0;
  std::uint64_t bytes = 0;
  std::uint64_t stacks = 0;
  std::uint64_t hits = 0;
  std::uint64_t stepped = 0;  // of them: at instructions that are single-stepped
  std::uint64_t gaps = 0;     // between two hits of one thread in one window
  std::uint64_t gap_ns = 0;   // together, less what the threads lacked a CPU
  Histogram sizes;
};

// The time in which hits are counted; those before and after only cost.
struct CountingTime {
  std::uint64_t open_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t close_ns = 0;
  std::uint32_t target = 0;         // call sites are kept by this number
  std::uint32_t stacks_one_in = 1;  // 0: none
};

class AllocProbes {
 public:
  // Shares the processes and the stacks of `locks`, which must outlive this.
  // `hooks`: how memory calls are seen; kAutomatic: as the kernel allows.
  static Result<AllocProbes> load(const LockProbes& locks, Watched newcomers, HookSet hooks,
                                  UprobeWay uprobes = UprobeWay::kAutomatic);

  AllocProbes(AllocProbes&&) noexcept;
  AllocProbes& operator=(AllocProbes&&) noexcept;
  ~AllocProbes();

  // Memory calls and samples of page faults. What cannot be had is missing from hooks().
  void attach_memory();
  [[nodiscard]] bool counts_calls() const;
  // Zeros for a process that made none.
  [[nodiscard]] MemoryCalls calls_of(std::int32_t pid) const;
  [[nodiscard]] std::vector<FaultSite> fault_sites() const;
  // Of a process that has ended.
  void forget_process(std::int32_t pid);

  // Attaches probes to one process. Takes some milliseconds, in which forks anywhere wait
  // (dup_mmap_sem, kernel/events/uprobes.c). Errors: the process is gone, or its text may not be
  // changed.
  Result<ArmedProbes> arm(std::int32_t pid, std::span<const AllocProbe> probes) const;
  // When the next hits count. To be called while nothing is armed.
  void count_in(const CountingTime& time);
  // Ends the counting early; true if it was still on.
  bool stop_counting(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t closes_at() const;
  [[nodiscard]] AllocCounts counts(std::uint32_t allocator) const;
  // Hits of all allocator numbers, one that is single-stepped as `stepped_weight` others.
  [[nodiscard]] HitCounts hits(std::uint64_t stepped_weight) const;
  [[nodiscard]] std::vector<AllocSite> sites(std::uint32_t target, std::uint32_t allocator) const;
  void forget_target(std::uint32_t target);

  [[nodiscard]] std::vector<std::string> hooks() const;
  [[nodiscard]] Losses losses() const;
  // The way in use. kSingle takes CAP_SYS_ADMIN whenever it attaches.
  [[nodiscard]] UprobeWay uprobes() const;

 private:
  struct State;
  explicit AllocProbes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cw
