#include "probes/alloc_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>

// What the skeleton's variables are of.
#include "alloc_wire.h"

#include "alloc.skel.h"
#include "probes/memory_hooks.h"
#include "probes/pid_namespace.h"
#include "probes/skeleton.h"

namespace cw {
namespace {

static_assert(kAllocators == CW_ALLOCATORS);

// Maps that the locks' programs own and ours use too; the others of maps.h are not made again.
constexpr auto kShared = std::to_array<const char*>({"processes", "stacks"});
constexpr auto kOurs =
    std::to_array<const char*>({"stack_room", "cost", "memory_calls", "fault_sites", "alloc_sites",
                                "alloc_counts", "alloc_callers", "alloc_threads"});

bool is_one_of(std::string_view name, std::span<const char* const> names) {
  return std::ranges::any_of(names, [&](const char* known) { return name == known; });
}

// A map's full name, unlike the kernel's, is not cut.
Result<void> share_maps(bpf_object* object, const LockProbes& locks) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const char* name = bpf_map__name(map);
    if (bpf_map__is_internal(map) || is_one_of(name, kOurs)) continue;
    const int shared = locks.shared_map(name);
    // All that the locks have is theirs: programs of ours that are loaded use what they know.
    const int error =
        shared >= 0 ? bpf_map__reuse_fd(map, shared) : bpf_map__set_autocreate(map, false);
    if (error != 0 && is_one_of(name, kShared))
      return fail(Exit::kFailed, fmt::format("cannot share {}: {}", name, std::strerror(-error)));
  }
  return {};
}

Result<Skeleton<alloc_bpf>> load_set(const LockProbes& locks, Watched newcomers, HookSet set) {
  Skeleton<alloc_bpf> skeleton(alloc_bpf::open(nullptr));
  if (!skeleton)
    return fail(Exit::kFailed,
                fmt::format("cannot open the memory programs: {}", std::strerror(errno)));
  skeleton->rodata->newcomers = static_cast<std::uint32_t>(newcomers);
  skeleton->rodata->our_pid_namespace = nested_pid_namespace();
  if (auto shared = share_maps(skeleton->obj, locks); !shared)
    return std::unexpected(shared.error());
  select_memory_programs(skeleton->obj, set);
  if (const int error = alloc_bpf::load(skeleton.get()); error != 0)
    return fail(Exit::kNotAllowed,
                fmt::format("this kernel refuses the memory programs ({})", std::strerror(-error)));
  return skeleton;
}

std::uint64_t cookie_of(const AllocProbe& probe, std::uint64_t callers) {
  const std::uint64_t first = probe.first.value_or(CW_NO_REGISTER);
  const std::uint64_t factor = probe.factor.value_or(CW_NO_REGISTER);
  const std::uint64_t resized = probe.resized.value_or(CW_NO_REGISTER);
  return probe.allocator | (probe.frees ? CW_COOKIE_FREE : 0U) |
         (probe.emulated ? 0U : CW_COOKIE_STEPPED) | first << 8U | factor << 16U | resized << 24U |
         callers << 32U;
}

cw_alloc_callers callers_of(const AllocProbe& probe) {
  cw_alloc_callers callers{};
  callers.pushed = probe.pushed;
  for (std::size_t i = 0; i < std::min<std::size_t>(probe.nested_in.size(), CW_CALLERS); ++i) {
    callers.start[i] = probe.nested_in[i].start;
    callers.end[i] = probe.nested_in[i].end;
  }
  return callers;
}

template <typename Value>
std::vector<Value> read_by_cpu(int map, std::uint32_t key) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return {};
  std::vector<Value> values(static_cast<std::size_t>(cpus));
  if (bpf_map_lookup_elem(map, &key, values.data()) != 0) return {};
  return values;
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

// Attaching and detaching a site each wait for forks that are under way (dup_mmap_sem), while the
// others are armed. So those that most calls pass come last, and go first.
struct ArmedProbes::Links {
  std::vector<Link> all;

  ~Links() {
    while (!all.empty()) all.pop_back();
  }
};
ArmedProbes::ArmedProbes() = default;
ArmedProbes::ArmedProbes(ArmedProbes&&) noexcept = default;
ArmedProbes& ArmedProbes::operator=(ArmedProbes&&) noexcept = default;
ArmedProbes::~ArmedProbes() = default;

struct AllocProbes::State {
  Skeleton<alloc_bpf> skeleton;
  HookSet set = HookSet::kTracepoints;
  AttachedHooks calls;
  AttachedHooks faults;
  std::string fallback;
};

AllocProbes::AllocProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
AllocProbes::AllocProbes(AllocProbes&&) noexcept = default;
AllocProbes& AllocProbes::operator=(AllocProbes&&) noexcept = default;
AllocProbes::~AllocProbes() = default;

Result<AllocProbes> AllocProbes::load(const LockProbes& locks, Watched newcomers, HookSet hooks) {
  auto state = std::make_unique<State>();
  state->set = hooks == HookSet::kAutomatic ? HookSet::kFunctions : hooks;
  auto skeleton = load_set(locks, newcomers, state->set);
  if (skeleton && hooks == HookSet::kAutomatic)
    if (!attach_memory_calls((*skeleton)->obj, state->set))
      skeleton = fail(Exit::kNotAllowed, "functions cannot be hooked");
  if (!skeleton && hooks == HookSet::kAutomatic) {
    state->set = HookSet::kTracepoints;
    skeleton = load_set(locks, newcomers, state->set);
  }
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
  struct Sites {
    std::vector<unsigned long> offsets;
    std::vector<__u64> cookies;
  };
  // The common ones last, and of these the allocator that `malloc` means, which is the first.
  using Turn = std::tuple<bool, std::uint32_t, std::string>;
  std::map<Turn, Sites> in_turn;
  std::uint32_t with_callers = 0;
  for (const AllocProbe& probe : probes) {
    std::uint32_t number = 0;
    if (!probe.nested_in.empty() && with_callers + 1 < CW_CALLER_SITES) {
      number = ++with_callers;
      const cw_alloc_callers callers = callers_of(probe);
      bpf_map_update_elem(bpf_map__fd(state_->skeleton->maps.alloc_callers), &number, &callers,
                          BPF_ANY);
    }
    Sites& sites = in_turn[{probe.common, kAllocators - probe.allocator, probe.file}];
    sites.offsets.push_back(probe.offset);
    sites.cookies.push_back(cookie_of(probe, number));
  }
  ArmedProbes armed;
  armed.links_ = std::make_unique<ArmedProbes::Links>();
  for (const auto& [turn, sites] : in_turn) {
    const auto& file = std::get<std::string>(turn);
    bpf_uprobe_multi_opts options{};
    options.sz = sizeof(options);
    options.offsets = sites.offsets.data();
    options.cookies = sites.cookies.data();
    options.cnt = sites.offsets.size();
    Link link(bpf_program__attach_uprobe_multi(state_->skeleton->progs.alloc_hit, pid, file.c_str(),
                                               nullptr, &options));
    if (!link && (errno == EINVAL || errno == EOPNOTSUPP))
      return fail(Exit::kFailed,
                  "allocators cannot be probed: this kernel has no uprobe.multi (Linux 6.6)");
    if (!link)
      return fail(Exit::kFailed, fmt::format("cannot probe {}: {}", file, std::strerror(errno)));
    armed.links_->all.push_back(std::move(link));
  }
  return armed;
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
    for (const cw_alloc_counts& counts : read_by_cpu<cw_alloc_counts>(
             bpf_map__fd(state_->skeleton->maps.alloc_counts), allocator)) {
      sum.all += counts.hits + (stepped_weight - 1) * counts.stepped;
      sum.inside += counts.inside + (stepped_weight - 1) * counts.inside_stepped;
    }
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
  const auto& counters = *state_->skeleton->bss;
  return {.waits = 0,
          .stacks = counters.lost_stacks,
          .events = missed_runs(state_->skeleton->obj),
          .map_full = counters.map_full};
}

const std::string& AllocProbes::fallback() const {
  return state_->fallback;
}

}  // namespace cw
