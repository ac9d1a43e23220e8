#include "output/json.h"

#include <fmt/format.h>

#include <algorithm>

#include "output/json_parts.h"

namespace cw {
namespace {

Json to_json(const Frame& frame) {
  Json object = {{"function", frame.function}, {"module", frame.module}, {"offset", frame.offset}};
  set_if(object, "file", frame.file);
  set_if(object, "line", frame.line);
  object["inlined"] = frame.inlined;
  if (frame.inferred) object["inferred"] = true;
  if (frame.guessed) object["guessed"] = true;
  return object;
}

}  // namespace

Json to_json(const Stack& stack) {
  Json frames = Json::array();
  for (const Frame& frame : stack.frames) frames.push_back(to_json(frame));
  return frames;
}

// Where the durations are not kept one by one, only what adds up is there.
Json to_json(const Distribution& distribution) {
  const Histogram& histogram = distribution.histogram;
  const double mean = distribution.count == 0 ? 0
                                              : static_cast<double>(distribution.sum_ns) /
                                                    static_cast<double>(distribution.count);
  if (histogram.empty() && distribution.count != 0)
    return {{"count", distribution.count}, {"sum", distribution.sum_ns}, {"mean", mean}};
  Json buckets = Json::array();
  for (const auto& [bucket, count] : histogram.buckets())
    buckets.push_back({{"le", bucket_upper(bucket)}, {"count", count}});
  return {{"count", distribution.count},
          {"sum", distribution.sum_ns},
          {"mean", mean},
          {"p50", histogram.percentile(0.50)},
          {"p90", histogram.percentile(0.90)},
          {"p99", histogram.percentile(0.99)},
          {"max", histogram.max()},
          {"buckets", std::move(buckets)}};
}

namespace {

// The sum of wake gaps is not kept: absent rather than 0.
Json gap_to_json(const Distribution& distribution) {
  Json object = to_json(distribution);
  if (distribution.sum_ns == 0 && distribution.count != 0) {
    object.erase("sum");
    object.erase("mean");
  }
  return object;
}

Json to_json(const Waiters& waiters) {
  Json object = {{"share", finite(waiters.share)}, {"waits", waiters.waits}};
  set_if(object, "mode", waiters.mode);
  object["stack"] = to_json(waiters.stack);
  object["stack_complete"] = waiters.stack.complete;
  return object;
}

Json to_json(const Releasers& releasers) {
  return {{"share", finite(releasers.share)},
          {"wakes", releasers.wakes},
          {"stack", to_json(releasers.stack)},
          {"stack_complete", releasers.stack.complete}};
}

Json to_json(const Pattern& pattern) {
  return {{"name", pattern.name}, {"evidence", pattern.evidence}};
}

Json to_json(const OwnerLooks::WaitsFor& other) {
  return {{"kind", name_of(other.kind)}, {"name", other.name}, {"looks", other.looks}};
}

Json to_json(const OwnerLooks& looks) {
  Json asleep = Json::object();
  for (const auto& [call, times] : looks.asleep_in) asleep[call] = times;
  return {{"looks", looks.looks},
          {"owned", looks.owned},
          {"asleep_in", std::move(asleep)},
          {"waits_for", list(looks.waits_for, to_json)}};
}

Json to_json(const LockReport& lock) {
  Json object = {
      {"pids", lock.pids}, {"comm", lock.comm}, {"kind", name_of(lock.kind)}, {"name", lock.name}};
  if (lock.address != 0) object["address"] = fmt::format("{:#x}", lock.address);
  object.update({{"object", lock.object},
                 {"objects", lock.objects},
                 {"per_waiter_words", lock.per_waiter_words},
                 {"level", name_of(lock.level)},
                 {"cause", lock.cause},
                 {"arithmetic", lock.arithmetic},
                 {"advice", lock.advice},
                 {"waits", lock.waits},
                 {"waits_per_s", finite(lock.waits_per_s)},
                 {"timed_out", lock.timed_out},
                 {"interrupted", lock.interrupted},
                 {"raced", lock.raced},
                 {"failed", lock.failed},
                 {"in_progress", lock.in_progress},
                 {"waits_at_least", lock.waits_at_least},
                 {"threads", lock.threads},
                 {"waited_by", lock.goroutines ? "goroutines" : "threads"},
                 {"runnable_ns", lock.runnable_ns},
                 {"wait_ns", to_json(lock.wait)},
                 {"waiters_mean", finite(lock.waiters_mean)},
                 {"runnable_mean", finite(lock.runnable_mean)},
                 {"busy_share", finite(lock.busy_share)}});
  if (lock.busy_share_bounds)
    object["busy_share_bounds"] = {{"low", finite(lock.busy_share_bounds->first)},
                                   {"high", finite(lock.busy_share_bounds->second)}};
  object["wake_gap_ns"] = gap_to_json(lock.wake_gap);
  if (!lock.primitive.empty()) object["primitive"] = lock.primitive;
  if (lock.owner) object["owner"] = {{"tid", lock.owner->tid}, {"comm", lock.owner->comm}};
  if (!lock.patterns.empty()) object["patterns"] = list(lock.patterns, to_json);
  if (!lock.explanation.empty()) object["explanation"] = lock.explanation;
  if (lock.owner_looks) object["owner_looks"] = to_json(*lock.owner_looks);
  object["waiters"] = list(lock.waiters, to_json);
  object["releasers"] = list(lock.releasers, to_json);
  object["unattributed_share"] = finite(lock.unattributed_share);
  if (lock.sections) put_sections(object, *lock.sections);
  return object;
}

Json to_json(const DeadlockLink& link) {
  return {{"pid", link.pid},
          {"tid", link.tid},
          {"comm", link.comm},
          {"kind", name_of(link.kind)},
          {"name", link.name},
          {"waits_for", fmt::format("{:#x}", link.waits_for)},
          {"held_by", link.held_by},
          {"waiting_ns", link.waiting_ns},
          {"at_least", link.at_least},
          {"stack", to_json(link.stack)},
          {"stack_complete", link.stack.complete}};
}

Json to_json(const Deadlock& deadlock) {
  return {{"cycle", list(deadlock.cycle, to_json)}};
}

Json to_json(const ThreadsMean& mean) {
  return {{"on_cpu", finite(mean.on_cpu)},
          {"runnable", finite(mean.runnable)},
          {"lock_wait", finite(mean.lock_wait)},
          {"idle_wait", finite(mean.idle_wait)},
          {"other", finite(mean.other)}};
}

Json to_json(const SleepShare& sleep) {
  return {{"syscall", sleep.syscall}, {"threads_mean", finite(sleep.threads_mean)}};
}

Json to_json(const ProcessReport& process) {
  return {{"pid", process.pid},
          {"comm", process.comm},
          {"exe", process.exe},
          {"cgroup", process.cgroup},
          {"threads", process.threads},
          {"cpu_s", finite(process.cpu_s)},
          {"runtimes", process.runtimes},
          {"allocators", process.allocators},
          {"threads_mean", to_json(process.threads_mean)},
          {"sleeping_in", list(process.sleeping_in, to_json)},
          {"ended", process.ended}};
}

Json to_json(const Verdict& verdict) {
  return {{"level", name_of(verdict.level)},
          {"summary", verdict.summary},
          {"not_seen", verdict.not_seen},
          {"cleared", verdict.cleared}};
}

Json to_json(const Fidelity& fidelity) {
  Json object = {{"budget_pct", finite(fidelity.budget_pct)}};
  set_if(object, "target_overhead_pct", fidelity.target_overhead_pct);
  set_if(object, "counting_overhead_pct", fidelity.counting_overhead_pct);
  set_if(object, "stacks_overhead_pct", fidelity.stacks_overhead_pct);
  set_if(object, "alloc_overhead_pct", fidelity.alloc_overhead_pct);
  set_if(object, "sections_overhead_pct", fidelity.sections_overhead_pct);
  set_if(object, "goroutines_overhead_pct", fidelity.goroutines_overhead_pct);
  set_if(object, "goroutines_seen_share", fidelity.goroutines_seen_share);
  set_if(object, "alloc_hit_ns", fidelity.alloc_hit_ns);
  set_if(object, "bystander_ns_per_syscall", fidelity.bystander_ns_per_syscall);
  object.update({{"self_cpu_pct", finite(fidelity.self_cpu_pct)},
                 {"self_rss_bytes", fidelity.self_rss_bytes},
                 {"unwind_table_bytes", fidelity.unwind_table_bytes},
                 {"hooks", fidelity.hooks},
                 {"rights_kept", fidelity.rights_kept}});
  set_if(object, "stacks_complete_share", fidelity.stacks_complete_share);
  const LossReport& lost = fidelity.lost;
  object.update({{"stacks_sampled_share", finite(fidelity.stacks_sampled_share)},
                 {"lost",
                  {{"waits", lost.waits},
                   {"stacks", lost.stacks},
                   {"allocs", lost.allocs},
                   {"events", lost.events},
                   {"map_full", lost.map_full}}}});
  return object;
}

Json idle_to_json(const IdleWaits& idle) {
  return {
      {"count", idle.count}, {"sum_ns", idle.sum_ns}, {"threads_mean", finite(idle.threads_mean)}};
}

void put_locks(Json& object, const std::string& key, const std::vector<LockReport>& locks,
               NotListed others, std::size_t max_rows) {
  const std::size_t listed = std::min(locks.size(), max_rows);
  Json& rows = object[key] = Json::array();
  for (std::size_t i = 0; i < listed; ++i) rows.push_back(to_json(locks[i]));
  for (std::size_t i = listed; i < locks.size(); ++i)
    others += {.count = 1,
               .waits = locks[i].waits,
               .sum_ns = locks[i].wait.sum_ns,
               .waiters_mean = locks[i].waiters_mean};
  if (others.count == 0) return;
  object[key + "_not_listed"] = {{"count", others.count},
                                 {"waits", others.waits},
                                 {"waiters_mean", finite(others.waiters_mean)}};
}

}  // namespace

std::string to_json(const Report& report, const JsonOptions& options) {
  Json object = {{"schema", "contentionwatch.report/1"},
                 {"host", report.host},
                 {"kernel", report.kernel},
                 {"started", report.started},
                 {"interval", report.interval},
                 {"interval_s", finite(report.interval_s)},
                 {"final", report.final},
                 {"processes", list(report.processes, to_json)},
                 {"verdict", to_json(report.verdict)}};
  put_locks(object, "locks", report.locks, report.locks_not_listed, options.max_rows);
  if (options.with_waits)
    put_locks(object, "waits", report.waits, report.waits_not_listed, options.max_rows);
  object["idle_waits"] = idle_to_json(report.idle_waits);
  put_memory(object, report);
  object["deadlocks"] = list(report.deadlocks, to_json);
  object["fidelity"] = to_json(report.fidelity);
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cw
