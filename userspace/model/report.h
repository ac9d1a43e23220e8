// What a reader is told of one interval. Every output format is a function of a Report; names and
// units are those of the JSON report. An empty optional means "not observed", 0 "observed, none".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/estimate.h"
#include "model/histogram.h"
#include "model/lifetimes.h"

namespace cw {

enum class Level : std::uint8_t { kFine, kSuspect, kCulprit };

enum class LockKind : std::uint8_t {
  // locks
  kMutex,
  kRwlock,
  kAllocator,
  kGil,
  kStdio,
  kOnce,
  kUnknown,
  // idle waits
  kCondvar,
  kSemaphore,
  kBarrier,
  kJoin,
  kPark,
  kEventcount,
};
bool is_idle(LockKind kind);
const char* name_of(LockKind kind);  // as in the JSON report: "mutex", "condvar"...
const char* name_of(Level level);    // "culprit", "suspect", "fine"

struct Frame {
  std::string function;  // demangled; empty: no symbol
  std::string module;    // file name of the ELF object; empty: not mapped from a file
  std::string build_id;  // its NT_GNU_BUILD_ID, raw bytes; empty: it has none
  std::uint64_t offset =
      0;  // from the function's start; without a symbol, the file's virtual address
  std::optional<std::string> file;
  std::optional<std::uint32_t> line;
  bool inlined = false;
  // Not walked to, but the target of the call that the next frame is in: between it and the frame
  // inside, frames may be missing.
  bool inferred = false;
  // Walked to by the frame pointer, where the code's file tells no way.
  bool guessed = false;
};

struct Stack {
  std::vector<Frame> frames;  // innermost first
  bool complete = false;      // reaches the thread's first function
  std::size_t own = 0;  // index of the first frame past the lock's machinery (libc, std::mutex)
};

// A duration histogram with its exact count and sum.
struct Distribution {
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;
  Histogram histogram;
};

struct Waiters {
  double share = 0;  // of the row's wait time in this interval
  std::uint64_t waits = 0;
  std::optional<std::string> mode;  // rwlocks: "read" or "write"
  Stack stack;
};

struct Releasers {
  double share = 0;  // of the attributed waiting
  std::uint64_t wakes = 0;
  Stack stack;
};

struct Owner {
  std::uint32_t tid = 0;
  std::string comm;
};

// One place that really holds the lock.
struct Holders {
  double share = 0;                        // of the time in which the lock was held
  std::optional<Estimate> share_interval;  // 95 %; empty: too few windows met it
  double acquisitions_per_s = 0;
  Distribution hold;
  Stack stack;
};

// What a change would do to the lock's acquisitions a second.
struct WhatIf {
  std::string change;  // "half the critical section"
  double predicted_per_s = 0;
  double low = 0;
  double high = 0;
  std::string assumes;
};

// How often the lock is taken, and for how long: where taking it could be probed.
struct SectionsReport {
  std::optional<Estimate> acquisitions_per_s;
  // Only bounds, from wakes: the fast path is inlined and cannot be probed.
  bool bounds_only = false;
  std::uint64_t threads = 0;              // distinct ones that took it while it was probed
  std::optional<double> contended_share;  // of the acquisitions
  std::optional<double> read_share;       // of the acquisitions; rwlocks
  std::optional<Distribution> hold;
  std::optional<Estimate> hold_mean_ns;   // bounds_only: no more than `high`
  std::optional<double> utilisation;      // acquisitions/s x mean hold
  std::optional<double> ceiling_per_s;    // 1 / mean hold; where only one thread can hold it
  std::optional<double> ceiling_threads;  // so many reach it
  std::vector<Holders> holders;           // largest share first
  std::vector<WhatIf> what_if;
};

// Where a lock lies in one process.
struct LockPlace {
  std::int32_t pid = 0;
  std::uint64_t address = 0;

  bool operator==(const LockPlace&) const = default;
};

// What the lock's owner was doing, in looks of a moment each: at its memory, which names the owner,
// and at the thread.
struct OwnerLooks {
  // Another lock that it waited for.
  struct WaitsFor {
    LockKind kind = LockKind::kMutex;
    std::string name;
    std::uint64_t looks = 0;
  };
  std::uint64_t looks = 0;
  std::uint64_t owned = 0;  // of them: by one thread, before and after the look at it
  std::vector<std::pair<std::string, std::uint64_t>> asleep_in;  // system call, most often first
  std::vector<WaitsFor> waits_for;                               // of the times in futex
};

// A known mistake, and what of it was seen.
struct Pattern {
  std::string name;      // "convoy"
  std::string evidence;  // a sentence with the numbers
};

// One object: all its words together.
struct LockReport {
  std::vector<std::int32_t> pids;
  std::string comm;
  LockKind kind = LockKind::kUnknown;
  std::string name;               // "orders::ledger"; else the object
  bool has_symbol = false;        // `name` is a symbol of the program
  std::uint64_t address = 0;      // of the object; 0: none (file words)
  std::vector<LockPlace> places;  // of the object, in each process that waits for it; may be empty
  std::string object;             // "bss orders+0x40", "heap", "stack of 71", "file+0x40"
  std::string primitive;          // "pthread mutex", "LWLock"...: where frames told; else empty
  // Waiters sleep on a word each: a row is all that wait in one function, whatever lock it is.
  bool per_waiter_words = false;
  bool goroutines = false;  // wait for it, not threads: all that is said of threads is of them
  Level level = Level::kFine;
  std::string cause;  // "", "contention", "stuck", "cpu starvation"
  std::string arithmetic;
  std::vector<std::string> advice;
  std::vector<Pattern> patterns;
  std::vector<std::string> explanation;  // the formulas, with their numbers: where asked for

  std::uint64_t waits = 0;
  double waits_per_s = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t interrupted = 0;
  std::uint64_t raced = 0;
  std::uint64_t failed = 0;
  std::uint64_t in_progress = 0;
  std::uint64_t waits_at_least =
      0;                      // of `waits`: began before we attached, length is a lower bound
  std::uint64_t threads = 0;  // distinct waiters
  std::uint64_t runnable_ns = 0;
  Distribution wait;
  double waiters_mean = 0;
  double runnable_mean = 0;  // part of waiters_mean that is run-queue delay
  double busy_share = 0;
  // Where the waiters of several words are one row, busy_share is an estimate between these.
  std::optional<std::pair<double, double>> busy_share_bounds;
  Distribution wake_gap;
  std::optional<Owner> owner;
  std::optional<OwnerLooks> owner_looks;
  std::vector<Waiters> waiters;
  std::vector<Releasers> releasers;
  double unattributed_share = 0;
  std::optional<SectionsReport> sections;  // empty: its critical sections were not seen
  std::uint64_t objects = 1;               // more: a class of locks, each of them fine by itself
};

// Who waits for it: "thread" or "goroutine".
inline const char* waiter_of(const LockReport& lock) {
  return lock.goroutines ? "goroutine" : "thread";
}

// A thread that waits for what another thread of a deadlock holds.
struct DeadlockLink {
  std::int32_t pid = 0;
  std::uint32_t tid = 0;
  std::string comm;
  LockKind kind = LockKind::kMutex;
  std::string name;              // of the lock
  bool has_symbol = false;       // as in LockReport
  std::uint64_t waits_for = 0;   // its address in the process
  std::uint32_t held_by = 0;     // the tid of the next one; of the first, for the last
  std::uint64_t waiting_ns = 0;  // so far
  bool at_least = false;         // it waited before we came
  Stack stack;
};

// Threads of which each waits for the next, and the last for the first: none can ever go on.
struct Deadlock {
  std::vector<DeadlockLink> cycle;
};

// Objects that have no row of their own.
struct NotListed {
  std::uint64_t count = 0;
  std::uint64_t waits = 0;
  std::uint64_t sum_ns = 0;
  double waiters_mean = 0;  // all together

  NotListed& operator+=(const NotListed& other);
};

struct IdleWaits {
  std::uint64_t count = 0;  // completed
  std::uint64_t sum_ns = 0;
  double threads_mean = 0;                                  // threads in idle waits, mean
  std::vector<std::pair<LockKind, std::uint64_t>> objects;  // how many of each kind had waiters
};

// Mean number of threads in each state. They add up to the mean number of threads.
struct ThreadsMean {
  double on_cpu = 0;
  double runnable = 0;
  double lock_wait = 0;
  double idle_wait = 0;
  double other = 0;
};

// Where threads that are not on a futex sleep, by sampling.
struct SleepShare {
  std::string syscall;
  double threads_mean = 0;
};

struct ProcessReport {
  std::int32_t pid = 0;
  std::string comm;
  std::string exe;
  std::string cgroup;
  std::uint64_t threads = 0;  // alive at the end
  double cpu_s = 0;
  std::vector<std::string> runtimes;
  std::vector<std::string> allocators;
  ThreadsMean threads_mean;
  std::vector<SleepShare> sleeping_in;  // largest first
  bool ended = false;
};

// How large the blocks are that are asked for.
struct SizeDistribution {
  std::uint64_t count = 0;
  std::uint64_t sum_bytes = 0;
  Histogram histogram;
};

// One place that allocates.
struct AllocationSiteReport {
  double share_allocs = 0;
  double share_bytes = 0;
  double allocs_per_s = 0;
  double bytes_per_s = 0;
  double mean_bytes = 0;
  Stack stack;
  // Of its blocks that were followed; empty: too few were.
  std::uint64_t followed = 0;
  std::optional<double> short_lived_share = std::nullopt;        // freed within kShortLifeNs
  std::optional<double> cross_thread_free_share = std::nullopt;  // of those that ended
  std::optional<double> lock_wait_s =
      std::nullopt;  // of its function, for the allocator's own locks
};

// One allocator of one process.
struct AllocatorReport {
  std::int32_t pid = 0;
  std::string comm;
  std::string allocator;  // "glibc 2.36", "jemalloc"...
  std::string mode;       // "burst", "full"
  double observed_s = 0;  // time in which probes were attached and counted
  std::uint64_t windows = 0;
  Level level = Level::kFine;
  std::string arithmetic;
  std::vector<std::string> advice;
  std::vector<std::string> explanation;  // as in LockReport
  // Empty: too little was seen.
  std::optional<Estimate> allocs_per_s;
  std::optional<Estimate> frees_per_s;
  std::optional<Estimate> bytes_per_s;
  SizeDistribution size;
  std::optional<Lifetimes> lifetimes;
  std::optional<CallLatency> latency;
  std::string lives_remark;           // why no blocks are followed, or not all
  std::optional<double> lock_wait_s;  // threads x time on the allocator's own locks
  std::optional<double> cores;        // what the calls take, or what waiting for it keeps waiting
  std::vector<AllocationSiteReport> sites;
  std::string remark;  // what could not be watched, and why
};

// A place that touches memory for the first time, or again after it was given back.
struct FaultSiteReport {
  double faults_per_s = 0;
  double share = 0;
  Stack stack;
};

struct MemoryReport {
  std::int32_t pid = 0;
  std::string comm;
  Level level = Level::kFine;
  std::string arithmetic;
  std::vector<std::string> advice;
  std::vector<std::string> explanation;  // as in LockReport
  std::uint64_t rss_anon_bytes = 0;
  double rss_growth_bytes_per_s = 0;  // in this interval
  std::optional<std::uint64_t> headroom_bytes;
  std::string limit;
  std::optional<double> exhausted_in_s;  // from a trend of at least a minute that goes on
  double minor_faults_per_s = 0;
  double major_faults_per_s = 0;
  std::optional<double> brk_per_s;
  std::optional<double> mmap_per_s;
  std::optional<double> munmap_per_s;
  std::optional<double> madvise_per_s;
  std::vector<FaultSiteReport> sites;
};

struct CgroupReport {
  std::string path;
  std::optional<double> memory_psi_some_pct;
  std::optional<double> cpu_throttled_pct;  // of the periods in which its quota was enforced
};

struct Verdict {
  Level level = Level::kFine;
  std::string summary;
  // The sum behind the summary and what to do, where they are not the first lock's.
  std::string arithmetic;
  std::vector<std::string> advice;
  std::vector<std::string> not_seen;
  std::vector<std::string> cleared;
};

struct LossReport {
  std::uint64_t waits = 0;
  std::uint64_t stacks = 0;
  std::uint64_t allocs = 0;
  std::uint64_t events = 0;
  std::uint64_t map_full = 0;
};

struct Fidelity {
  double budget_pct = 0;
  std::optional<double> target_overhead_pct;    // the sum of the next two
  std::optional<double> counting_overhead_pct;  // hooks, whatever the budget
  std::optional<double> stacks_overhead_pct;    // held to what the budget leaves
  std::optional<double> alloc_overhead_pct;     // probes on the allocator, held to the budget
  std::optional<double> alloc_hit_ns;           // what one run of them costs, measured on ourselves
  std::optional<double> sections_overhead_pct;  // probes on the functions of locks, likewise
  std::optional<double> sections_hit_ns;
  std::optional<double> goroutines_overhead_pct;  // probes on Go's runtime, likewise
  std::optional<double> goroutines_seen_share;    // part of the interval in which they were probed
  std::optional<double> bystander_ns_per_syscall;
  double self_cpu_pct = 0;
  std::uint64_t self_rss_bytes = 0;
  std::vector<std::string> hooks;
  std::vector<std::string> rights_kept;         // capabilities: "CAP_SYS_PTRACE"...
  std::optional<double> stacks_complete_share;  // empty: no stack was shown
  double stacks_sampled_share = 1;
  std::uint64_t unwind_table_bytes = 0;  // of kernel memory
  LossReport lost;
};

// What was asked for.
struct Observed {
  bool locks = true;
  bool alloc = true;
  bool memory = true;
};

struct Report {
  Observed observed{.locks = true, .alloc = false, .memory = false};
  std::string host;
  std::string kernel;
  std::string started;         // RFC 3339, when the interval began
  std::uint64_t interval = 0;  // 1, 2, ...
  double interval_s = 0;
  bool final = false;
  double cpus = 0;  // that the observed may use; 0: not known

  std::vector<ProcessReport> processes;
  Verdict verdict;
  std::vector<LockReport> locks;  // worst first; formats cut
  std::vector<LockReport> waits;  // idle kinds, longest first
  std::vector<Deadlock> deadlocks;
  NotListed locks_not_listed;  // beyond those
  NotListed waits_not_listed;
  IdleWaits idle_waits;
  std::vector<AllocatorReport> allocators;  // worst first
  std::vector<MemoryReport> memory;         // worst first
  std::vector<CgroupReport> cgroups;
  Fidelity fidelity;
};

}  // namespace cw
