// allocators[], memory[] and cgroups[] of the JSON report.
#include "output/json_parts.h"

namespace cw {
namespace {

void put_if(Json& object, const char* key, const std::optional<Estimate>& estimate) {
  if (estimate) object[key] = cw::to_json(*estimate);
}

Json to_json(const SizeDistribution& sizes) {
  const Histogram& histogram = sizes.histogram;
  Json buckets = Json::array();
  for (const auto& [bucket, count] : histogram.buckets())
    buckets.push_back({{"le", bucket_upper(bucket)}, {"count", count}});
  return {{"count", sizes.count},
          {"mean", sizes.count == 0
                       ? 0
                       : static_cast<double>(sizes.sum_bytes) / static_cast<double>(sizes.count)},
          {"p50", histogram.percentile(0.50)},
          {"p90", histogram.percentile(0.90)},
          {"p99", histogram.percentile(0.99)},
          {"max", histogram.max()},
          {"buckets", std::move(buckets)}};
}

// A percentile that lies beyond what was followed is left out.
void put_percentile(Json& object, const char* key, const Lifetimes& lifetimes, double share) {
  if (const auto found = lifetimes.percentile(share)) object[key] = *found;
}

Json to_json(const Lifetimes& lifetimes) {
  Json buckets = Json::array();
  for (const auto& [bucket, count] : lifetimes.histogram.buckets())
    buckets.push_back({{"le", bucket_upper(bucket)}, {"count", count}});
  Json object = {{"count", lifetimes.followed},
                 {"ended", lifetimes.ended},
                 {"known_to", finite(lifetimes.known_to_ns)},
                 {"known_share", finite(lifetimes.known_share)},
                 {"buckets", std::move(buckets)}};
  put_percentile(object, "p50", lifetimes, 0.50);
  put_percentile(object, "p90", lifetimes, 0.90);
  put_percentile(object, "p99", lifetimes, 0.99);
  return object;
}

Json to_json(const CallLatency& latency) {
  Json buckets = Json::array();
  for (const auto& [bucket, count] : latency.histogram.buckets())
    buckets.push_back({{"le", bucket_upper(bucket)}, {"count", count}});
  Json object = {{"count", latency.count},
                 {"floor_ns", finite(latency.floor_ns)},
                 {"mean", finite(latency.mean_ns)},
                 {"p50", finite(latency.p50_ns())},
                 {"p90", latency.histogram.percentile(0.90)},
                 {"p99", latency.histogram.percentile(0.99)},
                 {"max", latency.histogram.max()},
                 {"buckets", std::move(buckets)}};
  if (!latency.is_clear()) object["under_ns"] = finite(latency.floor_ns);
  return object;
}

void put_lives(Json& object, const AllocatorReport& row) {
  if (!row.lives_remark.empty()) object["lifetime_remark"] = row.lives_remark;
  if (row.latency) object["latency_ns"] = to_json(*row.latency);
  if (!row.lifetimes) return;
  object["lifetime_ns"] = to_json(*row.lifetimes);
  set_if(object, "cross_thread_free_share", row.lifetimes->elsewhere_share);
  if (!row.lifetimes->short_lived) return;
  object["short_lived_share"] = finite(row.lifetimes->short_lived->estimate);
  object["short_lived_low"] = finite(row.lifetimes->short_lived->low);
  object["short_lived_high"] = finite(row.lifetimes->short_lived->high);
}

Json to_json(const AllocationSiteReport& site) {
  Json object = {
      {"allocs_per_s", finite(site.allocs_per_s)}, {"bytes_per_s", finite(site.bytes_per_s)},
      {"mean_bytes", finite(site.mean_bytes)},     {"share_allocs", finite(site.share_allocs)},
      {"share_bytes", finite(site.share_bytes)},   {"stack", cw::to_json(site.stack)},
      {"stack_complete", site.stack.complete}};
  if (site.followed != 0) object["followed"] = site.followed;
  set_if(object, "short_lived_share", site.short_lived_share);
  set_if(object, "cross_thread_free_share", site.cross_thread_free_share);
  set_if(object, "lock_wait_s", site.lock_wait_s);
  return object;
}

Json to_json(const FaultSiteReport& site) {
  return {{"faults_per_s", finite(site.faults_per_s)},
          {"share", finite(site.share)},
          {"stack", cw::to_json(site.stack)},
          {"stack_complete", site.stack.complete}};
}

Json to_json(const AllocatorReport& row) {
  Json object = {{"pid", row.pid},
                 {"comm", row.comm},
                 {"allocator", row.allocator},
                 {"mode", row.mode},
                 {"observed_s", finite(row.observed_s)},
                 {"windows", row.windows},
                 {"level", name_of(row.level)},
                 {"arithmetic", row.arithmetic},
                 {"advice", row.advice}};
  if (!row.explanation.empty()) object["explanation"] = row.explanation;
  put_if(object, "allocs_per_s", row.allocs_per_s);
  put_if(object, "frees_per_s", row.frees_per_s);
  put_if(object, "bytes_per_s", row.bytes_per_s);
  if (row.size.count != 0) object["size_bytes"] = to_json(row.size);
  put_lives(object, row);
  set_if(object, "lock_wait_s", row.lock_wait_s);
  if (!row.remark.empty()) object["remark"] = row.remark;
  object["sites"] = list(row.sites, to_json);
  return object;
}

Json to_json(const MemoryReport& row) {
  Json object = {{"pid", row.pid},
                 {"comm", row.comm},
                 {"level", name_of(row.level)},
                 {"arithmetic", row.arithmetic},
                 {"advice", row.advice},
                 {"rss_anon_bytes", row.rss_anon_bytes},
                 {"rss_growth_bytes_per_s", finite(row.rss_growth_bytes_per_s)}};
  set_if(object, "headroom_bytes", row.headroom_bytes);
  if (!row.limit.empty()) object["limit"] = row.limit;
  set_if(object, "exhausted_in_s", row.exhausted_in_s);
  object["minor_faults_per_s"] = finite(row.minor_faults_per_s);
  object["major_faults_per_s"] = finite(row.major_faults_per_s);
  set_if(object, "brk_per_s", row.brk_per_s);
  set_if(object, "mmap_per_s", row.mmap_per_s);
  set_if(object, "munmap_per_s", row.munmap_per_s);
  set_if(object, "madvise_per_s", row.madvise_per_s);
  object["sites"] = list(row.sites, to_json);
  return object;
}

Json to_json(const CgroupReport& row) {
  Json object = {{"path", row.path}};
  set_if(object, "memory_psi_some_pct", row.memory_psi_some_pct);
  set_if(object, "cpu_throttled_pct", row.cpu_throttled_pct);
  return object;
}

}  // namespace

void put_memory(Json& object, const Report& report) {
  if (report.observed.alloc) object["allocators"] = list(report.allocators, to_json);
  if (!report.observed.memory) return;
  object["memory"] = list(report.memory, to_json);
  object["cgroups"] = list(report.cgroups, to_json);
}

}  // namespace cw
