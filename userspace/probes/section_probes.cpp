#include "probes/section_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <set>
#include <vector>

// What the skeleton's variables are of.
#include "section_wire.h"

#include "probes/lock_hooks.h"
#include "probes/per_cpu.h"
#include "probes/pid_namespace.h"
#include "probes/shared_maps.h"
#include "probes/skeleton.h"
#include "sections.skel.h"

namespace cw {
namespace {

constexpr auto kSectionMaps =
    std::to_array<const char*>({"stack_room", "cost", "section_events", "section_cpus"});
constexpr std::uint32_t kEvents = 131072;  // of all CPUs, 7 MB; but for each
constexpr std::uint32_t kFewest = 1024;
constexpr std::uint32_t kMost = 16384;
constexpr std::size_t kThreadsLookedUp = 4096;

static_assert(static_cast<unsigned>(SectionCall::kConditionWait) == CW_SECTION_CONDITION_WAIT);

struct Unmap {
  std::size_t bytes = 0;
  void operator()(void* address) const { munmap(address, bytes); }
};

std::uint64_t cookie_of(const SectionProbe& probe) {
  const std::uint64_t lock = probe.lock;
  const std::uint64_t condition = probe.condition.value_or(CW_SECTION_NO_REGISTER);
  return static_cast<std::uint64_t>(probe.call) | (probe.musl ? CW_SECTION_MUSL : 0U) |
         (probe.emulated ? 0U : CW_SECTION_STEPPED) | lock << 8U | condition << 16U;
}

SectionEvent event_of(const cw_section_event& seen) {
  return {.time_ns = seen.time_ns,
          .lock = seen.lock,
          .condition = seen.condition,
          .waited_ns = seen.waited_ns,
          .waited_on = seen.waited_on & ~std::uint64_t{1},
          .slept = (seen.waited_on & 1U) != 0,
          .stack = seen.stack,
          .tid = seen.tid,
          .call = static_cast<SectionCall>(seen.call),
          .inner = (seen.flags & CW_SECTION_INNER) != 0,
          .taken = (seen.flags & CW_SECTION_TAKEN) != 0};
}

}  // namespace

struct SectionProbes::State {
  Skeleton<sections_bpf> skeleton;
  std::unique_ptr<void, Unmap> events;
  std::uint32_t cpus = 1;
  std::uint32_t room = 0;
  std::uint64_t opened_ns = 0;
  std::uint32_t stacks_one_in = 0;

  [[nodiscard]] std::vector<cw_section_cpu> by_cpu() const {
    return read_by_cpu<cw_section_cpu>(bpf_map__fd(skeleton->maps.section_cpus), 0);
  }
};

SectionProbes::SectionProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
SectionProbes::SectionProbes(SectionProbes&&) noexcept = default;
SectionProbes& SectionProbes::operator=(SectionProbes&&) noexcept = default;
SectionProbes::~SectionProbes() = default;

Result<SectionProbes> SectionProbes::load(const LockProbes& locks) {
  auto state = std::make_unique<State>();
  state->skeleton.reset(sections_bpf::open(nullptr));
  Skeleton<sections_bpf>& skeleton = state->skeleton;
  if (!skeleton)
    return fail(Exit::kFailed,
                fmt::format("cannot open the programs for sections: {}", std::strerror(errno)));
  state->cpus = static_cast<std::uint32_t>(std::max(1, libbpf_num_possible_cpus()));
  state->room = std::clamp(std::bit_floor(kEvents / state->cpus), kFewest, kMost);
  skeleton->rodata->our_pid_namespace = nested_pid_namespace();
  skeleton->rodata->section_room = state->room;
  const std::uint32_t entries = state->room * state->cpus;
  bpf_map__set_max_entries(skeleton->maps.section_events, entries);
  if (auto shared = share_maps(skeleton->obj, locks, kSectionMaps); !shared)
    return std::unexpected(shared.error());
  if (const int error = sections_bpf::load(skeleton.get()); error != 0)
    return fail(Exit::kNotAllowed, fmt::format("this kernel refuses the programs for sections ({})",
                                               std::strerror(-error)));
  const std::size_t bytes = std::size_t{entries} * sizeof(cw_section_event);
  void* const events =
      mmap(nullptr, bytes, PROT_READ, MAP_SHARED, bpf_map__fd(skeleton->maps.section_events), 0);
  if (events == MAP_FAILED)
    return fail(Exit::kFailed, fmt::format("cannot map events: {}", std::strerror(errno)));
  state->events = {events, Unmap{bytes}};
  return SectionProbes(std::move(state));
}

Result<ArmedProbes> SectionProbes::arm(std::int32_t pid,
                                       std::span<const SectionProbe> probes) const {
  std::vector<ProbedSite> sites;
  sites.reserve(probes.size());
  for (const SectionProbe& probe : probes)
    sites.push_back({.program = state_->skeleton->progs.section_hit,
                     .file = probe.file,
                     .offset = probe.offset,
                     .cookie = cookie_of(probe)});
  return arm_sites(pid, sites);
}

void SectionProbes::clear() {
  cw_section_window& window = state_->skeleton->bss->section_window;
  std::atomic_ref(window.close_ns).store(0);
  const std::vector<cw_section_cpu> blank(state_->cpus);
  const std::uint32_t zero = 0;
  bpf_map_update_elem(bpf_map__fd(state_->skeleton->maps.section_cpus), &zero, blank.data(),
                      BPF_ANY);
}

void SectionProbes::open(std::uint64_t open_ns, std::uint64_t close_ns,
                         std::uint32_t stacks_one_in) {
  cw_section_window& window = state_->skeleton->bss->section_window;
  state_->opened_ns = open_ns;
  state_->stacks_one_in = stacks_one_in;
  std::atomic_ref(window.stacks_one_in).store(stacks_one_in);
  std::atomic_ref(window.open_ns).store(open_ns);
  std::atomic_ref(window.close_ns).store(close_ns);
}

void SectionProbes::close(std::uint64_t now_ns) {
  cw_section_window& window = state_->skeleton->bss->section_window;
  if (std::atomic_ref(window.close_ns).load() > now_ns)
    std::atomic_ref(window.close_ns).store(std::max(now_ns, state_->opened_ns));
}

HitCounts SectionProbes::hits(std::uint64_t stepped_weight) const {
  HitCounts sum;
  for (const cw_section_cpu& cpu : state_->by_cpu()) add_hits(sum, cpu, stepped_weight);
  return sum;
}

std::uint64_t SectionProbes::stacks() const {
  std::uint64_t sum = 0;
  for (const cw_section_cpu& cpu : state_->by_cpu()) sum += cpu.stacks;
  return sum;
}

SectionRecord SectionProbes::record() const {
  SectionRecord record;
  std::uint64_t close_ns = std::atomic_ref(state_->skeleton->bss->section_window.close_ns).load();
  const std::vector<cw_section_cpu> cpus = state_->by_cpu();
  for (const cw_section_cpu& cpu : cpus) {
    if (cpu.full_ns != 0) close_ns = std::min<std::uint64_t>(close_ns, cpu.full_ns);
    record.stepped = record.stepped || cpu.inside_stepped != 0;
  }
  record.open_ns = state_->opened_ns;
  record.length_ns = close_ns - std::min(close_ns, record.open_ns);
  record.stacks_one_in = state_->stacks_one_in;
  const auto* const events = static_cast<const cw_section_event*>(state_->events.get());
  std::set<std::uint32_t> tids;
  for (std::size_t cpu = 0; cpu < cpus.size(); ++cpu) {
    const std::size_t count = std::min<std::uint64_t>(cpus[cpu].next, state_->room);
    const std::span kept(events + cpu * state_->room, count);
    for (const cw_section_event& seen : kept) {
      if (seen.time_ns < record.open_ns || seen.time_ns >= close_ns) continue;
      record.events.push_back(event_of(seen));
      if (tids.size() < kThreadsLookedUp) tids.insert(seen.tid);
    }
  }
  const int threads = bpf_map__fd(state_->skeleton->maps.threads);
  for (const std::uint32_t tid : tids) {
    cw_thread thread{};
    if (bpf_map_lookup_elem(threads, &tid, &thread) != 0) continue;
    const bool waits = thread.call == CW_CALL_WAIT && thread.start_ns < close_ns;
    const bool waited = thread.waited_ns >= close_ns;
    if (waits)
      record.waiting.push_back({.tid = tid, .address = thread.second_address});
    else if (waited)
      record.waiting.push_back({.tid = tid, .address = thread.waited_on & ~std::uint64_t{1}});
  }
  return record;
}

std::uint32_t SectionProbes::room() const {
  return state_->room;
}

Losses SectionProbes::losses() const {
  return losses_of(*state_->skeleton);
}

}  // namespace cw
