// allocators[], memory[] and cgroups[] of the JSON report.
#include "output/json_parts.h"

namespace cw {
namespace {

Json to_json(const Estimate& estimate) {
  Json object = {{"estimate", finite(estimate.estimate)}, {"low", finite(estimate.low)}};
  if (std::isfinite(estimate.high)) object["high"] = estimate.high;  // else only a lower bound
  return object;
}

void put_if(Json& object, const char* key, const std::optional<Estimate>& estimate) {
  if (estimate) object[key] = to_json(*estimate);
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

Json to_json(const AllocationSiteReport& site) {
  return {{"allocs_per_s", finite(site.allocs_per_s)}, {"bytes_per_s", finite(site.bytes_per_s)},
          {"mean_bytes", finite(site.mean_bytes)},     {"share_allocs", finite(site.share_allocs)},
          {"share_bytes", finite(site.share_bytes)},   {"stack", cw::to_json(site.stack)},
          {"stack_complete", site.stack.complete}};
}

Json to_json(const FaultSiteReport& site) {
  return {{"faults_per_s", finite(site.faults_per_s)},
          {"share", finite(site.share)},
          {"stack", cw::to_json(site.stack)},
          {"stack_complete", site.stack.complete}};
}

Json to_json(const AllocatorReport& row);
Json to_json(const MemoryReport& row);
Json to_json(const CgroupReport& row);

template <typename T>
Json rows_of(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(to_json(value));
  return array;
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
  put_if(object, "allocs_per_s", row.allocs_per_s);
  put_if(object, "frees_per_s", row.frees_per_s);
  put_if(object, "bytes_per_s", row.bytes_per_s);
  if (row.size.count != 0) object["size_bytes"] = to_json(row.size);
  set_if(object, "lock_wait_s", row.lock_wait_s);
  if (!row.remark.empty()) object["remark"] = row.remark;
  object["sites"] = rows_of(row.sites);
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
  object["sites"] = rows_of(row.sites);
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
  if (report.observed.alloc) object["allocators"] = rows_of(report.allocators);
  if (!report.observed.memory) return;
  object["memory"] = rows_of(report.memory);
  object["cgroups"] = rows_of(report.cgroups);
}

}  // namespace cw
