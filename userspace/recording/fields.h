// What is recorded of each value, and under which number: one function for both directions, so that
// writing and reading cannot drift apart. A number once used means the same for ever; a new field
// takes one no other of its struct ever had, and reads as its default from older files.
//
//   archive(n, value)                  what has fields here; numbers, text, lists, optionals
//   archive.choice(n, value, last)     an enum, up to its last value
//   archive.sentence(n, text)          text whose digits differ: "9,800 waits/s x 260 us"
//   archive.near(n, value, guess)      a count that is about what another one is
//   archive.like(n, value, other)      a histogram that begins about where another one does
//   archive.ratio(n, value, of, guess) a double that is a count over `of`: that count
//   archive.rest(n, value, of, guess)  1 less such a ratio
//   archive.shared(n, value, fields)   some fields, the same together each time: stored once
//
// How a value is stored (columns.h, encoder.h) is part of the format, too: another way takes a new
// number.
#pragma once

#include "model/report.h"
#include "recording/lock_fields.h"
#include "recording/run.h"

namespace cw::recording {

template <typename Archive>
void fields(Archive& archive, Field<Archive, ThreadsMean>& mean) {
  archive.ratio(1, mean.on_cpu, archive.interval_ns(), 0);
  archive.ratio(2, mean.runnable, archive.interval_ns(), 0);
  archive.ratio(3, mean.lock_wait, archive.interval_ns(), 0);
  archive.ratio(4, mean.idle_wait, archive.interval_ns(), 0);
  archive(5, mean.other);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, SleepShare>& sleep) {
  archive(1, sleep.syscall);
  archive(2, sleep.threads_mean);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, ProcessReport>& process) {
  archive(1, process.pid);
  archive(2, process.comm);
  archive(3, process.exe);
  archive(4, process.cgroup);
  archive(5, process.threads);
  archive(6, process.cpu_s);
  archive(7, process.runtimes);
  archive(8, process.allocators);
  archive(9, process.threads_mean);
  archive(10, process.sleeping_in);
  archive(11, process.ended);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Lifetimes::Step>& step) {
  archive(1, step.lived_ns);
  archive(2, step.ended_share);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Lifetimes>& lifetimes) {
  archive(1, lifetimes.followed);
  archive(2, lifetimes.ended);
  archive(3, lifetimes.known_to_ns);
  archive(4, lifetimes.known_share);
  archive(5, lifetimes.short_lived);
  archive(6, lifetimes.elsewhere_share);
  archive(7, lifetimes.histogram);
  archive(8, lifetimes.curve);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, CallLatency>& latency) {
  archive(1, latency.count);
  archive(2, latency.floor_ns);
  archive(3, latency.mean_ns);
  archive(4, latency.histogram);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, AllocationSiteReport>& site) {
  archive(1, site.share_allocs);
  archive(2, site.share_bytes);
  archive(3, site.allocs_per_s);
  archive(4, site.bytes_per_s);
  archive(5, site.mean_bytes);
  archive(6, site.stack);
  archive(7, site.followed);
  archive(8, site.short_lived_share);
  archive(9, site.cross_thread_free_share);
  archive(10, site.lock_wait_s);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, AllocatorReport>& row) {
  archive(1, row.pid);
  archive(2, row.comm);
  archive(3, row.allocator);
  archive(4, row.mode);
  archive(5, row.observed_s);
  archive(6, row.windows);
  archive.choice(7, row.level, Level::kCulprit);
  archive.sentence(8, row.arithmetic);
  archive.sentence(9, row.advice);
  archive(10, row.allocs_per_s);
  archive(11, row.frees_per_s);
  archive(12, row.bytes_per_s);
  archive(13, row.size);
  archive(14, row.lock_wait_s);
  archive(15, row.cores);
  archive(16, row.sites);
  archive.sentence(17, row.remark);
  archive.sentence(18, row.explanation);
  archive(19, row.lifetimes);
  archive(20, row.latency);
  archive.sentence(21, row.lives_remark);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, FaultSiteReport>& site) {
  archive(1, site.faults_per_s);
  archive(2, site.share);
  archive(3, site.stack);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, MemoryReport>& row) {
  archive(1, row.pid);
  archive(2, row.comm);
  archive.choice(3, row.level, Level::kCulprit);
  archive.sentence(4, row.arithmetic);
  archive.sentence(5, row.advice);
  archive(6, row.rss_anon_bytes);
  archive(7, row.rss_growth_bytes_per_s);
  archive(8, row.headroom_bytes);
  archive(9, row.limit);
  archive(10, row.exhausted_in_s);
  archive(11, row.minor_faults_per_s);
  archive(12, row.major_faults_per_s);
  archive(13, row.brk_per_s);
  archive(14, row.mmap_per_s);
  archive(15, row.munmap_per_s);
  archive(16, row.madvise_per_s);
  archive(17, row.sites);
  archive.sentence(18, row.explanation);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, CgroupReport>& group) {
  archive(1, group.path);
  archive(2, group.memory_psi_some_pct);
  archive(3, group.cpu_throttled_pct);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Verdict>& verdict) {
  archive.choice(1, verdict.level, Level::kCulprit);
  archive.sentence(2, verdict.summary);
  archive.sentence(3, verdict.arithmetic);
  archive.sentence(4, verdict.advice);
  archive.sentence(5, verdict.not_seen);
  archive.sentence(6, verdict.cleared);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, LossReport>& lost) {
  archive(1, lost.waits);
  archive(2, lost.stacks);
  archive(3, lost.allocs);
  archive(4, lost.events);
  archive(5, lost.map_full);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Fidelity>& fidelity) {
  archive(1, fidelity.budget_pct);
  archive(2, fidelity.target_overhead_pct);
  archive(3, fidelity.counting_overhead_pct);
  archive(4, fidelity.stacks_overhead_pct);
  archive(5, fidelity.alloc_overhead_pct);
  archive(6, fidelity.alloc_hit_ns);
  archive(7, fidelity.bystander_ns_per_syscall);
  archive(8, fidelity.self_cpu_pct);
  archive(9, fidelity.self_rss_bytes);
  archive(10, fidelity.hooks);
  archive(11, fidelity.rights_kept);
  archive(12, fidelity.stacks_complete_share);
  archive(13, fidelity.stacks_sampled_share);
  archive(14, fidelity.unwind_table_bytes);
  archive(15, fidelity.lost);
  archive(16, fidelity.sections_overhead_pct);
  archive(17, fidelity.sections_hit_ns);
  archive(18, fidelity.goroutines_overhead_pct);
  archive(19, fidelity.goroutines_seen_share);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Observed>& observed) {
  archive(1, observed.locks);
  archive(2, observed.alloc);
  archive(3, observed.memory);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, Report>& report) {
  archive(1, report.interval_s);
  archive.set_interval(report.interval_s);  // what most rates are counts over
  archive(2, report.observed);
  archive(3, report.host);
  archive(4, report.kernel);
  archive.sentence(5, report.started);
  archive(6, report.interval);
  archive(7, report.final);
  archive(8, report.processes);
  archive(9, report.verdict);
  archive(10, report.locks);
  archive(11, report.waits);
  archive(12, report.deadlocks);
  archive(13, report.locks_not_listed);
  archive(14, report.waits_not_listed);
  archive(15, report.idle_waits);
  archive(16, report.allocators);
  archive(17, report.memory);
  archive(18, report.cgroups);
  archive(19, report.fidelity);
  archive(20, report.cpus);
}

template <typename Archive>
void fields(Archive& archive, Field<Archive, RecordedRun>& run) {
  archive(1, run.version);
  archive(2, run.top_n);
  archive(3, run.with_pid);
  archive(4, run.with_waits);
  archive(5, run.watched);
}

inline constexpr auto kAllFields = [](auto& archive, auto& value) { fields(archive, value); };

}  // namespace cw::recording
