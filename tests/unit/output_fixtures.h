// Reports made by hand, for the formats.
#pragma once

#include <initializer_list>
#include <limits>
#include <string>

#include "analysis/memory_verdict.h"
#include "model/report.h"

namespace cw::test {

struct At {
  const char* function;
  const char* file = nullptr;
  std::uint32_t line = 0;
};

inline Stack stack_of(std::initializer_list<At> frames, std::size_t own = 1) {
  Stack stack;
  stack.complete = true;
  stack.own = own;
  for (const At& at : frames) {
    Frame frame;
    frame.function = at.function;
    frame.module = "orders";
    frame.offset = 0x1c;
    if (at.file != nullptr) {
      frame.file = at.file;
      frame.line = at.line;
    }
    stack.frames.push_back(frame);
  }
  return stack;
}

inline LockReport ledger() {
  LockReport lock;
  lock.pids = {4242};
  lock.comm = "orders-api";
  lock.kind = LockKind::kMutex;
  lock.name = "orders::ledger";
  lock.address = 0x55d0c0de4040;
  lock.object = "bss orders+0x2c140";
  lock.level = Level::kCulprit;
  lock.cause = "contention";
  lock.arithmetic =
      "9,800 waits/s x 260 us = 2.5 of 14 threads waiting, somebody waiting 97 % of the time; "
      "less 0.30 that only lacked CPU = 2.2";
  lock.advice = {
      "74 % of the waiting begins in orders::lookup, 61 % is let go by orders::refresh: look at "
      "what orders::refresh does under the lock"};
  lock.waits = 49'000;
  lock.waits_per_s = 9800;
  lock.timed_out = 0;
  lock.raced = 120;
  lock.in_progress = 2;
  lock.threads = 4;
  lock.runnable_ns = 1'500'000'000;
  lock.wait.count = 49'000;
  lock.wait.sum_ns = 12'740'000'000;
  const std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> waits = {
      {30'000, 1'000},   {100'000, 9'000}, {210'000, 20'000},
      {400'000, 18'000}, {1'900'000, 900}, {6'000'000, 100}};
  for (const auto& [value, count] : waits) lock.wait.histogram.add(bucket_of(value), count);
  lock.waiters_mean = 2.548;
  lock.runnable_mean = 0.3;
  lock.busy_share = 0.97;
  lock.wake_gap.count = 40'000;
  lock.wake_gap.histogram.add(bucket_of(60'000), 40'000);
  lock.owner = Owner{.tid = 4251, .comm = "clerk-3"};
  lock.waiters = {
      {.share = 0.74,
       .waits = 36'000,
       .mode = std::nullopt,
       .stack = stack_of({{"pthread_mutex_lock"},
                          {"orders::lookup", "src/cache.cpp", 41},
                          {"clerk", "src/main.cpp", 120}})},
      {.share = 0.26,
       .waits = 13'000,
       .mode = std::nullopt,
       .stack = stack_of({{"pthread_mutex_lock"}, {"orders::settle", "src/ledger.cpp", 17}})}};
  lock.releasers = {
      {.share = 0.61,
       .wakes = 20'000,
       .stack = stack_of({{"pthread_mutex_unlock"},
                          {"orders::refresh", "src/cache.cpp", 88},
                          {"maintain", "src/main.cpp", 96}})},
      {.share = 0.39,
       .wakes = 20'000,
       .stack = stack_of({{"pthread_mutex_unlock"}, {"orders::settle", "src/ledger.cpp", 22}})}};
  lock.releasers[1].stack.complete = false;
  return lock;
}

inline LockReport rates() {
  LockReport lock = ledger();
  lock.kind = LockKind::kRwlock;
  lock.name = "orders::rates";
  lock.address = 0x55d0c0de4080;
  lock.level = Level::kSuspect;
  lock.arithmetic =
      "410 waits/s x 310 us = 0.13 of 14 threads waiting, somebody waiting 11 % of the time";
  lock.advice = {"100 % of the waiting begins in orders::quote"};
  lock.waits = 2050;
  lock.waits_per_s = 410;
  lock.timed_out = 12;
  lock.in_progress = 0;
  lock.wait.count = 2050;
  lock.wait.sum_ns = 635'500'000;
  lock.waiters_mean = 0.127;
  lock.runnable_mean = 0;
  lock.busy_share = 0.11;
  lock.owner.reset();
  lock.waiters.resize(1);
  lock.waiters[0].share = 1;
  lock.waiters[0].mode = "write";
  lock.waiters[0].stack = stack_of({{"orders::quote", "src/rates.cpp", 7}}, 0);
  lock.releasers.clear();
  lock.unattributed_share = 1;
  return lock;
}

inline ProcessReport orders_api() {
  ProcessReport process;
  process.pid = 4242;
  process.comm = "orders-api";
  process.exe = "/srv/orders/bin/orders-api";
  process.cgroup = "/system.slice/orders.service";
  process.threads = 14;
  process.cpu_s = 9.5;
  process.runtimes = {"C++", "glibc 2.36"};
  process.threads_mean = {
      .on_cpu = 1.9, .runnable = 0.3, .lock_wait = 2.4, .idle_wait = 9.2, .other = 0.2};
  process.sleeping_in = {{.syscall = "epoll_wait", .threads_mean = 0.15},
                         {.syscall = "fsync", .threads_mean = 0.05}};
  return process;
}

inline AllocatorReport glibc() {
  AllocatorReport row;
  row.pid = 4242;
  row.comm = "orders-api";
  row.allocator = "glibc 2.36";
  row.mode = "burst";
  row.observed_s = 0.4;
  row.windows = 24;
  row.arithmetic = "(8,100 +-300 allocs/s + 8,000 +-310 frees/s) x 20 ns = 0.0003 cores";
  row.allocs_per_s = Estimate{.estimate = 8100, .low = 7800, .high = 8400};
  row.frees_per_s = Estimate{.estimate = 8000, .low = 7690, .high = 8310};
  row.bytes_per_s = Estimate{.estimate = 1.2e6, .low = 1.1e6, .high = 1.3e6};
  row.size.count = 2000;
  row.size.sum_bytes = 300'000;
  row.size.histogram.add(bucket_of(64), 1500);
  row.size.histogram.add(bucket_of(400), 500);
  row.cores = 0.000322;
  row.sites = {
      {.share_allocs = 0.7,
       .share_bytes = 0.4,
       .allocs_per_s = 5670,
       .bytes_per_s = 480'000,
       .mean_bytes = 85,
       .stack = stack_of(
           {{"malloc"}, {"operator new(unsigned long)"}, {"orders::parse", "src/parse.cpp", 12}},
           2)}};
  return row;
}

inline MemoryReport orders_memory() {
  MemoryReport row;
  row.pid = 4242;
  row.comm = "orders-api";
  row.arithmetic = "310 minor faults/s x 500 ns = 0.0002 cores, rss 48 MB steady";
  row.rss_anon_bytes = 48'000'000;
  row.headroom_bytes = 2'000'000'000;
  row.limit = "memory.max of /system.slice/orders.service";
  row.minor_faults_per_s = 310;
  row.mmap_per_s = 2;
  row.munmap_per_s = 1.5;
  row.sites = {{.faults_per_s = 310,
                .share = 1,
                .stack = stack_of({{"orders::parse", "src/parse.cpp", 14}}, 0)}};
  return row;
}

inline Report guilty_report() {
  Report report;
  report.host = "shop-3";
  report.kernel = "6.1.0-50-cloud-amd64";
  report.started = "2025-03-01T03:12:45Z";
  report.interval = 3;
  report.interval_s = 5.0;
  report.processes = {orders_api()};
  report.locks = {ledger(), rates()};
  LockReport quiet = rates();
  quiet.level = Level::kFine;
  quiet.cause.clear();
  quiet.waiters_mean = 0.002;
  report.locks.push_back(quiet);
  report.idle_waits = {.count = 300,
                       .sum_ns = 46'000'000'000,
                       .threads_mean = 9.2,
                       .objects = {{LockKind::kCondvar, 3}, {LockKind::kJoin, 1}}};
  report.verdict = {.level = Level::kCulprit,
                    .summary = "mutex orders::ledger: 2.5 of 14 threads are waiting for it",
                    .arithmetic = {},
                    .advice = {},
                    .not_seen = {"spinning before sleeping", "kernel locks",
                                 "uncontended acquisitions (no futex call)"},
                    .cleared = {"1 other lock: <0.01 threads waiting",
                                "9.2 threads in idle waits (3 condvars, 1 join): not contention"}};
  report.allocators = {glibc()};
  report.memory = {orders_memory()};
  report.cgroups = {{.path = "/system.slice/orders.service",
                     .memory_psi_some_pct = 0.2,
                     .cpu_throttled_pct = 31}};
  conclude_memory(report, {.locks = true, .alloc = true, .memory = true});
  report.fidelity.budget_pct = 1;
  report.fidelity.target_overhead_pct = 0.4;
  report.fidelity.counting_overhead_pct = 0.3;
  report.fidelity.stacks_overhead_pct = 0.1;
  report.fidelity.bystander_ns_per_syscall = 45;
  report.fidelity.self_cpu_pct = 0.6;
  report.fidelity.self_rss_bytes = 12'000'000;
  report.fidelity.hooks = {"tracepoint syscalls/sys_enter_futex"};
  report.fidelity.rights_kept = {"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"};
  report.fidelity.stacks_complete_share = 1;
  return report;
}

inline Report healthy_report() {
  Report report = guilty_report();
  report.locks.erase(report.locks.begin(), report.locks.begin() + 2);
  report.verdict.level = Level::kFine;
  report.verdict.summary = "no lock keeps more than 0.01 threads waiting";
  report.verdict.cleared[0] = "1 lock: <0.01 threads waiting";
  report.processes[0].threads_mean = {
      .on_cpu = 0.2, .runnable = 0.1, .lock_wait = 0, .idle_wait = 1, .other = 12.7};
  report.processes[0].sleeping_in = {{.syscall = "epoll_wait", .threads_mean = 11.9},
                                     {.syscall = "fsync", .threads_mean = 0.8}};
  report.final = true;
  return report;
}

// Its allocator and its page faults are what holds it up.
inline Lifetimes short_lives() {
  Lifetimes lives;
  lives.followed = 1200;
  lives.ended = 1000;
  lives.known_to_ns = 3.9e6;
  lives.known_share = 0.85;
  lives.short_lived = Estimate{.estimate = 0.83, .low = 0.78, .high = 0.88};
  lives.elsewhere_share = 0.04;
  lives.curve = {{.lived_ns = 20e3, .ended_share = 0.6}, {.lived_ns = 3.1e6, .ended_share = 0.85}};
  lives.histogram.add(bucket_of(20'000), 720);
  lives.histogram.add(bucket_of(3'100'000), 300);
  return lives;
}

inline Report allocating_report() {
  Report report = healthy_report();
  report.verdict = {.level = Level::kFine,
                    .summary = "no thread waited for a lock",
                    .arithmetic = {},
                    .advice = {},
                    .not_seen = {"kernel locks"},
                    .cleared = {}};
  AllocatorReport& row = report.allocators.front();
  row.level = Level::kCulprit;
  row.lifetimes = short_lives();
  row.latency = CallLatency{.count = 1200, .floor_ns = 650, .mean_ns = 90, .histogram = {}};
  row.sites.front().followed = 840;
  row.sites.front().short_lived_share = 0.98;
  row.sites.front().cross_thread_free_share = 0.12;
  row.allocs_per_s = Estimate{.estimate = 15.1e6, .low = 13.7e6, .high = 16.9e6};
  row.frees_per_s = row.allocs_per_s;
  row.cores = 0.604;
  row.arithmetic =
      "(15,100,000 +-1,800,000 allocs/s + 15,100,000 +-1,800,000 frees/s) x 20 ns = 0.60 cores";
  row.advice = {
      "70 % of the allocations are made in orders::parse, 85 B each on average: keep those blocks, "
      "or allocate fewer and larger ones"};
  MemoryReport& memory = report.memory.front();
  memory.level = Level::kSuspect;
  memory.minor_faults_per_s = 310'000;
  memory.arithmetic = "310,000 minor faults/s x 500 ns = 0.15 cores, rss 48 MB steady";
  memory.advice = {"100 % of the page faults are taken in orders::parse"};
  report.cgroups.clear();
  conclude_memory(report, {.locks = true, .alloc = true, .memory = true});
  return report;
}

inline Distribution holds_of(std::uint64_t ns, std::uint64_t count) {
  Distribution hold;
  hold.count = count;
  hold.sum_ns = ns * count;
  hold.histogram.add(bucket_of(ns / 2), count / 4);
  hold.histogram.add(bucket_of(ns), count - count / 4);
  return hold;
}

// The guilty one with its critical sections seen, and a lock of which only bounds are known.
inline Report sections_report() {
  Report report = guilty_report();
  LockReport& lock = report.locks[0];
  SectionsReport& sections = lock.sections.emplace();
  sections.acquisitions_per_s = Estimate{.estimate = 41'000, .low = 40'100, .high = 41'900};
  sections.threads = 4;
  sections.contended_share = 0.38;
  sections.hold = holds_of(22'000, 1800);
  sections.hold_mean_ns = Estimate{.estimate = 22'000, .low = 21'600, .high = 22'400};
  sections.utilisation = 0.902;
  sections.ceiling_per_s = 45'450;
  sections.ceiling_threads = 1.6;
  sections.holders = {{.share = 0.62,
                       .share_interval = Estimate{.estimate = 0.62, .low = 0.55, .high = 0.69},
                       .acquisitions_per_s = 12'000,
                       .hold = holds_of(47'000, 540),
                       .stack = lock.releasers[0].stack},
                      {.share = 0.38,
                       .share_interval = std::nullopt,
                       .acquisitions_per_s = 29'000,
                       .hold = holds_of(12'000, 1260),
                       .stack = lock.releasers[1].stack}};
  sections.what_if = {{.change = "split into 4 locks",
                       .predicted_per_s = 92'000,
                       .low = 81'000,
                       .high = 104'000,
                       .assumes = "each acquisition needs one of them, all alike likely"},
                      {.change = "half the critical section",
                       .predicted_per_s = 66'000,
                       .low = 58'000,
                       .high = 73'000,
                       .assumes = "the other half is done as well, outside the lock"}};
  SectionsReport& bounds = report.locks[1].sections.emplace();
  bounds.bounds_only = true;
  constexpr double kUnknown = std::numeric_limits<double>::infinity();
  bounds.acquisitions_per_s = Estimate{.estimate = 400, .low = 400, .high = kUnknown};
  bounds.hold_mean_ns = Estimate{.estimate = 2'500'000, .low = 0, .high = 2'500'000};
  return report;
}

}  // namespace cw::test
