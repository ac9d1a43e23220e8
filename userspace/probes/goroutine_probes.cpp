#include "probes/goroutine_probes.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "locks.skel.h"
#include "model/clock.h"
#include "probes/features.h"
#include "probes/lock_hooks.h"
#include "probes/lock_programs.h"
#include "probes/map_reader.h"
#include "probes/skeleton.h"
#include "wire.h"

namespace cw {

static_assert(kGoroutine == CW_GOROUTINE && kOpGoroutine == CW_OP_GOROUTINE);
static_assert(GoroutineProbes::kPlaces == CW_GO_PLACES);

namespace {

void select(bpf_object* object, UprobeWay way) {
  select_goroutine_programs(object);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (way == UprobeWay::kSingle && bpf_program__autoload(program))
      bpf_program__set_expected_attach_type(program, bpf_attach_type{});
  }
}

}  // namespace

struct GoroutineProbes::State {
  LockProbes* locks = nullptr;
  UprobeWay way = UprobeWay::kMulti;
  Skeleton<locks_bpf> skeleton;

  [[nodiscard]] const bpf_program* program_for(GoPlace place) const {
    switch (place) {
      case GoPlace::kWaits:
        return skeleton->progs.goroutine_waits;
      case GoPlace::kGoesOn:
        return skeleton->progs.goroutine_goes_on;
      case GoPlace::kWakes:
        break;
    }
    return skeleton->progs.goroutine_wakes;
  }
};

GoroutineProbes::GoroutineProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
GoroutineProbes::GoroutineProbes(GoroutineProbes&&) noexcept = default;
GoroutineProbes& GoroutineProbes::operator=(GoroutineProbes&&) noexcept = default;
GoroutineProbes::~GoroutineProbes() = default;

Result<GoroutineProbes> GoroutineProbes::load(LockProbes& locks, UprobeWay uprobes) {
  UprobeWay way = uprobes;
  if (way == UprobeWay::kAutomatic)
    way = has_many_uprobes() ? UprobeWay::kMulti : UprobeWay::kSingle;
  auto skeleton = load_more_programs([&](const char* name) { return locks.shared_map(name); },
                                     [&](bpf_object* object) { select(object, way); });
  if (!skeleton) return std::unexpected(skeleton.error());
  auto state = std::make_unique<State>();
  state->way = way;
  state->locks = &locks;
  state->skeleton = std::move(*skeleton);
  return GoroutineProbes(std::move(state));
}

Result<ArmedProbes> GoroutineProbes::arm(std::int32_t pid, const GoSites& sites,
                                         std::size_t place) const {
  std::vector<ProbedSite> probed;
  probed.reserve(sites.sites.size());
  for (const GoSite& site : sites.sites)
    probed.push_back({.program = state_->program_for(site.place),
                      .file = fmt::format("/proc/self/fd/{}", sites.file->get()),
                      .offset = site.file_offset,
                      .cookie = std::uint64_t{place} << CW_GO_PLACE_SHIFT | site.kept_at,
                      .turn = static_cast<std::uint32_t>(site.place)});
  return arm_sites(pid, probed, state_->way);
}

bool GoroutineProbes::can_arm_again() const {
  return state_->way != UprobeWay::kSingle;
}

std::uint64_t GoroutineProbes::hits(std::size_t place) const {
  return std::atomic_ref(state_->skeleton->bss->goroutine_hits[place]).load();
}

GoroutineProbes::Forgotten GoroutineProbes::forget_waits(ImageId image) {
  const int threads = state_->locks->shared_map("threads");
  const std::uint64_t now = monotonic_ns();
  Forgotten forgotten;
  const auto waits = read_goroutine_waits(threads, image);
  if (!waits) return forgotten;
  for (const WaitInProgress& wait : *waits) {
    state_->locks->reap(wait.tid, wait.start_ns, false);
    if (bpf_map_delete_elem(threads, &wait.tid) != 0) continue;
    std::atomic_ref(state_->skeleton->bss->goroutines_waiting).fetch_sub(1);
    ++forgotten.waits;
    forgotten.longest_ns = std::max(forgotten.longest_ns, now - std::min(now, wait.start_ns));
  }
  return forgotten;
}

}  // namespace cw
