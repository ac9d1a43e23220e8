#include "probes/alloc_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

// What the skeleton's variables are of.
#include "alloc_wire.h"

#include "alloc.skel.h"
#include "probes/alloc_cookie.h"
#include "probes/features.h"
#include "probes/memory_hooks.h"
#include "probes/per_cpu.h"
#include "probes/pid_namespace.h"
#include "probes/shared_maps.h"
#include "probes/skeleton.h"

namespace cw {
namespace {

static_assert(kAllocators == CW_ALLOCATORS);

constexpr auto kAllocMaps =
    std::to_array<const char*>({"stack_room", "cost", "memory_calls", "fault_sites", "alloc_sites",
                                "alloc_counts", "alloc_callers", "alloc_threads"});

Result<Skeleton<alloc_bpf>> load_set(const LockProbes& locks, Watched newcomers, HookSet set,
                                     UprobeWay uprobes) {
  Skeleton<alloc_bpf> skeleton(alloc_bpf::open(nullptr));
  if (!skeleton)
    return fail(Exit::kFailed,
                fmt::format("cannot open the memory programs: {}", std::strerror(errno)));
  skeleton->rodata->newcomers = static_cast<std::uint32_t>(newcomers);
  skeleton->rodata->our_pid_namespace = nested_pid_namespace();
  if (auto shared = share_maps(skeleton->obj, locks, kAllocMaps); !shared)
    return std::unexpected(shared.error());
  select_memory_programs(skeleton->obj, set);
  // A program reads its cookie in the way of what it is to be attached by.
  if (uprobes == UprobeWay::kSingle)
    bpf_program__set_expected_attach_type(skeleton->progs.alloc_hit, bpf_attach_type{});
  if (const int error = alloc_bpf::load(skeleton.get()); error != 0)
    return fail(Exit::kNotAllowed,
                fmt::format("this kernel refuses the memory programs ({})", std::strerror(-error)));
  return skeleton;
}

// Calls `visit` with every key; entries may come and go meanwhile.
template <typename Key, typename Visit>
void for_each_key(int map, Visit visit) {
  Key key{};
  bool first = true;
  for (Key next{}; bpf_map_get_next_key(map, first ? nullptr : &key, &next) == 0; key = next) {
    first = false;
    visit(next);
  }
}

}  // namespace

struct AllocProbes::State {
  Skeleton<alloc_bpf> skeleton;
  HookSet set = HookSet::kTracepoints;
  AttachedHooks calls;
  AttachedHooks faults;
  UprobeWay uprobes = UprobeWay::kMulti;
};

AllocProbes::AllocProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
AllocProbes::AllocProbes(AllocProbes&&) noexcept = default;
AllocProbes& AllocProbes::operator=(AllocProbes&&) noexcept = default;
AllocProbes::~AllocProbes() = default;

Result<AllocProbes> AllocProbes::load(const LockProbes& locks, Watched newcomers, HookSet hooks,
                                      UprobeWay uprobes) {
  auto state = std::make_unique<State>();
  state->uprobes = uprobes;
  if (uprobes == UprobeWay::kAutomatic)
    state->uprobes = has_many_uprobes() ? UprobeWay::kMulti : UprobeWay::kSingle;
  auto skeleton = load_for(hooks, state->set, [&](HookSet set) {
    return load_set(locks, newcomers, set, state->uprobes);
  });
  if (!skeleton) return std::unexpected(skeleton.error());
  state->skeleton = std::move(*skeleton);
  return AllocProbes(std::move(state));
}

void AllocProbes::attach_memory() {
  if (auto calls = attach_memory_calls(state_->skeleton->obj, state_->set))
    state_->calls = std::move(*calls);
  if (auto faults = attach_fault_samples(state_->skeleton->progs.sampled_fault))
    state_->faults = std::move(*faults);
}

bool AllocProbes::counts_calls() const {
  return !state_->calls.links.empty();
}

MemoryCalls AllocProbes::calls_of(std::int32_t pid) const {
  const auto tgid = static_cast<std::uint32_t>(pid);
  cw_memory_calls calls{};
  if (bpf_map_lookup_elem(bpf_map__fd(state_->skeleton->maps.memory_calls), &tgid, &calls) != 0)
    return {};
  return {.brk = calls.brk, .mmap = calls.mmap, .munmap = calls.munmap, .madvise = calls.madvise};
}

std::vector<FaultSite> AllocProbes::fault_sites() const {
  std::vector<FaultSite> sites;
  const int map = bpf_map__fd(state_->skeleton->maps.fault_sites);
  for_each_key<cw_fault_key>(map, [&](const cw_fault_key& key) {
    std::uint64_t faults = 0;
    if (bpf_map_lookup_elem(map, &key, &faults) == 0)
      sites.push_back(
          {.pid = static_cast<std::int32_t>(key.tgid), .stack = key.stack, .faults = faults});
  });
  return sites;
}

void AllocProbes::forget_process(std::int32_t pid) {
  const auto tgid = static_cast<std::uint32_t>(pid);
  bpf_map_delete_elem(bpf_map__fd(state_->skeleton->maps.memory_calls), &tgid);
  const int map = bpf_map__fd(state_->skeleton->maps.fault_sites);
  for (const FaultSite& site : fault_sites()) {
    if (site.pid != pid) continue;
    const cw_fault_key key{.stack = site.stack, .tgid = tgid, .padding = 0};
    bpf_map_delete_elem(map, &key);
  }
}

Result<ArmedProbes> AllocProbes::arm(std::int32_t pid, std::span<const AllocProbe> probes) const {
  NestedCallers callers(bpf_map__fd(state_->skeleton->maps.alloc_callers));
  std::vector<ProbedSite> sites;
  sites.reserve(probes.size());
  for (const AllocProbe& probe : probes)
    // The common ones last, and of these the allocator that `malloc` means, which is the first.
    sites.push_back({.program = state_->skeleton->progs.alloc_hit,
                     .file = probe.file,
                     .offset = probe.offset,
                     .cookie = cookie_of(probe, callers.number(probe)),
                     .turn = (probe.common ? kAllocators + 1 : 0) + kAllocators - probe.allocator});
  return arm_sites(pid, sites, state_->uprobes);
}

void AllocProbes::count_in(const CountingTime& time) {
  cw_alloc_window& window = state_->skeleton->bss->alloc_window;
  // Shut in between, so that no hit sees the opening of one and the closing of another.
  std::atomic_ref(window.close_ns).store(0);
  std::atomic_ref(window.open_ns).store(0);
  std::atomic_ref(window.target).store(time.target);
  std::atomic_ref(window.stacks_one_in).store(time.stacks_one_in);
  std::atomic_ref(window.open_ns).store(time.open_ns);
  std::atomic_ref(window.close_ns).store(time.close_ns);
}

bool AllocProbes::stop_counting(std::uint64_t now_ns) {
  cw_alloc_window& window = state_->skeleton->bss->alloc_window;
  if (std::atomic_ref(window.close_ns).load() <= now_ns) return false;
  std::atomic_ref(window.close_ns).store(std::max<std::uint64_t>(now_ns, window.open_ns));
  return true;
}

std::uint64_t AllocProbes::closes_at() const {
  return std::atomic_ref(state_->skeleton->bss->alloc_window.close_ns).load();
}

AllocCounts AllocProbes::counts(std::uint32_t allocator) const {
  AllocCounts sum;
  std::array<std::uint64_t, CW_SIZE_BUCKETS> sizes{};
  for (const cw_alloc_counts& counts :
       read_by_cpu<cw_alloc_counts>(bpf_map__fd(state_->skeleton->maps.alloc_counts), allocator)) {
    sum.allocs += counts.allocs;
    sum.frees += counts.frees;
    sum.bytes += counts.bytes;
    sum.stacks += counts.stacks;
    sum.hits += counts.hits;
    sum.stepped += counts.stepped;
    sum.gaps += counts.gaps;
    sum.gap_ns += counts.gap_ns;
    for (std::size_t i = 0; i < sizes.size(); ++i) sizes.at(i) += counts.sizes[i];
  }
  for (std::size_t i = 0; i < sizes.size(); ++i)
    sum.sizes.add(static_cast<std::uint32_t>(i), sizes.at(i));
  return sum;
}

HitCounts AllocProbes::hits(std::uint64_t stepped_weight) const {
  HitCounts sum;
  for (std::uint32_t allocator = 0; allocator < kAllocators; ++allocator)
    for (const cw_alloc_counts& counts :
         read_by_cpu<cw_alloc_counts>(bpf_map__fd(state_->skeleton->maps.alloc_counts), allocator))
      add_hits(sum, counts, stepped_weight);
  return sum;
}

std::vector<AllocSite> AllocProbes::sites(std::uint32_t target, std::uint32_t allocator) const {
  std::vector<AllocSite> found;
  const int map = bpf_map__fd(state_->skeleton->maps.alloc_sites);
  for_each_key<cw_alloc_site_key>(map, [&](const cw_alloc_site_key& key) {
    cw_alloc_site site{};
    if (key.target != target || key.allocator != allocator) return;
    if (bpf_map_lookup_elem(map, &key, &site) == 0)
      found.push_back({.stack = key.stack, .allocs = site.allocs, .bytes = site.bytes});
  });
  return found;
}

void AllocProbes::forget_target(std::uint32_t target) {
  std::vector<cw_alloc_site_key> gone;
  const int map = bpf_map__fd(state_->skeleton->maps.alloc_sites);
  for_each_key<cw_alloc_site_key>(map, [&](const cw_alloc_site_key& key) {
    if (key.target == target) gone.push_back(key);
  });
  for (const cw_alloc_site_key& key : gone) bpf_map_delete_elem(map, &key);
}

std::vector<std::string> AllocProbes::hooks() const {
  std::vector<std::string> names = state_->calls.names;
  names.insert(names.end(), state_->faults.names.begin(), state_->faults.names.end());
  return names;
}

Losses AllocProbes::losses() const {
  return losses_of(*state_->skeleton);
}

UprobeWay AllocProbes::uprobes() const {
  return state_->uprobes;
}

}  // namespace cw
