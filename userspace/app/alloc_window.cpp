#include "app/alloc_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace cw {
namespace {

// Each probe that comes alone takes a tenth of a second to go, in which the others are in place.
bool is_worth_waiting_for(AllocCall call) {
  return is_common(call) || call == AllocCall::kCalloc || call == AllocCall::kRealloc;
}

}  // namespace

std::vector<AllocProbe> probes_of(const std::vector<AllocatorSites>& allocators, ProbeSet set,
                                  UprobeWay uprobes) {
  std::vector<AllocProbe> probes;
  for (std::size_t i = 0; i < std::min<std::size_t>(allocators.size(), kAllocators); ++i) {
    for (const ProbeSite& site : allocators[i].sites) {
      const bool frees = !shape_of(site.call).allocates;
      if (uprobes == UprobeWay::kSingle && !is_worth_waiting_for(site.call)) continue;
      if (set != ProbeSet::kBoth && frees != (set == ProbeSet::kFrees)) continue;
      probes.push_back(
          {.file = fmt::format("/proc/self/fd/{}", site.file->get()),
           .offset = site.file_offset,
           .allocator = static_cast<std::uint32_t>(i),
           .frees = frees,
           .common = is_common(site.call),
           .emulated = site.emulated,
           .first = number_of(frees ? site.pointer_in : site.size_in),
           .factor = frees ? std::nullopt : number_of(site.count_in),
           .resized = !frees && !site.jumps_to.empty() ? number_of(site.pointer_in) : std::nullopt,
           .nested_in = site.nested_in,
           .pushed = site.pushed});
    }
  }
  return probes;
}

AllocWindow grown(const AllocWindow& frame, const AllocCounts& before, const AllocCounts& after) {
  AllocWindow window = frame;
  window.allocs = after.allocs - before.allocs;
  window.frees = after.frees - before.frees;
  window.bytes = after.bytes - before.bytes;
  window.sizes = after.sizes.since(before.sizes);
  return window;
}

void add_busy_time(const std::vector<AllocCounts>& before, const std::vector<AllocCounts>& after,
                   AllocWindow& frame) {
  std::uint64_t hits = 0;
  std::uint64_t gaps = 0;
  std::uint64_t gap_ns = 0;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    hits += after[i].allocs - before[i].allocs + after[i].frees - before[i].frees;
    gaps += after[i].gaps - before[i].gaps;
    gap_ns += after[i].gap_ns - before[i].gap_ns;
  }
  frame.hits = hits;
  if (gaps == 0) return;
  frame.threads = hits - std::min(hits, gaps);
  frame.busy_ns = static_cast<std::uint64_t>(static_cast<double>(gap_ns) *
                                             static_cast<double>(hits) / static_cast<double>(gaps));
}

std::vector<AllocSite> grown(const std::vector<AllocSite>& before,
                             const std::vector<AllocSite>& after) {
  std::map<StackId, AllocSite> known;
  for (const AllocSite& site : before) known[site.stack] = site;
  std::vector<AllocSite> sites;
  for (AllocSite site : after) {
    const AllocSite& old = known[site.stack];
    if (site.allocs <= old.allocs) continue;
    site.allocs -= old.allocs;
    site.bytes -= std::min(site.bytes, old.bytes);
    sites.push_back(site);
  }
  return sites;
}

}  // namespace cw
