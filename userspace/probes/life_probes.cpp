#include "probes/life_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>

// What the skeleton's variables are of.
#include "life_wire.h"

#include "lives.skel.h"
#include "probes/alloc_cookie.h"
#include "probes/lock_hooks.h"
#include "probes/per_cpu.h"
#include "probes/pid_namespace.h"
#include "probes/shared_maps.h"
#include "probes/skeleton.h"

namespace cw {
namespace {

constexpr auto kLifeMaps = std::to_array<const char*>(
    {"stack_room", "cost", "life_of", "life_threads", "life_counts", "alloc_callers"});

Result<Skeleton<lives_bpf>> load_programs(const LockProbes& locks, LifeProbes::Method method) {
  Skeleton<lives_bpf> skeleton(lives_bpf::open(nullptr));
  if (!skeleton)
    return fail(Exit::kFailed,
                fmt::format("cannot open the programs for lifetimes: {}", std::strerror(errno)));
  skeleton->rodata->our_pid_namespace = nested_pid_namespace();
  if (auto shared = share_maps(skeleton->obj, locks, kLifeMaps); !shared)
    return std::unexpected(shared.error());
  const bool session = method == LifeProbes::Method::kSession;
  bpf_program__set_autoload(skeleton->progs.life_session, session);
  bpf_program__set_autoload(skeleton->progs.life_call, !session);
  bpf_program__set_autoload(skeleton->progs.life_return, !session);
  if (session)
    // Newer than the system's enumeration.
    bpf_program__set_expected_attach_type(skeleton->progs.life_session,
                                          // NOLINTNEXTLINE(clang-analyzer-optin.core.*)
                                          static_cast<bpf_attach_type>(UprobeKind::kSession));
  if (const int error = lives_bpf::load(skeleton.get()); error != 0)
    return fail(
        Exit::kNotAllowed,
        fmt::format("this kernel refuses the programs for lifetimes ({})", std::strerror(-error)));
  return skeleton;
}

std::uint64_t cookie_of(const LifeProbe& probe, std::uint64_t callers) {
  AllocProbe call = probe.call;
  if (probe.result_at) call.resized = probe.result_at;
  return cookie_of(call, callers) | (probe.result_at ? CW_COOKIE_RESULT_AT : 0U) |
         (probe.hands_over ? CW_COOKIE_HANDS_OVER : 0U);
}

template <typename Key>
void empty_map(int map) {
  for (Key key{}; bpf_map_get_next_key(map, nullptr, &key) == 0;)
    if (bpf_map_delete_elem(map, &key) != 0) return;
}

}  // namespace

struct LifeProbes::State {
  Skeleton<lives_bpf> skeleton;
  Method method = Method::kSession;

  [[nodiscard]] cw_life_window& window() const { return skeleton->bss->life_window; }
};

LifeProbes::LifeProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
LifeProbes::LifeProbes(LifeProbes&&) noexcept = default;
LifeProbes& LifeProbes::operator=(LifeProbes&&) noexcept = default;
LifeProbes::~LifeProbes() = default;

Result<LifeProbes> LifeProbes::load(const LockProbes& locks, std::optional<Method> forced) {
  auto state = std::make_unique<State>();
  state->method = forced.value_or(Method::kSession);
  auto skeleton = load_programs(locks, state->method);
  if (!skeleton && !forced) {
    state->method = Method::kPair;
    skeleton = load_programs(locks, state->method);
  }
  if (!skeleton) return std::unexpected(skeleton.error());
  state->skeleton = std::move(*skeleton);
  return LifeProbes(std::move(state));
}

LifeProbes::Method LifeProbes::method() const {
  return state_->method;
}

Result<ArmedProbes> LifeProbes::arm(std::int32_t pid, std::span<const LifeProbe> probes) const {
  const auto& programs = state_->skeleton->progs;
  const bool session = state_->method == Method::kSession;
  NestedCallers callers(bpf_map__fd(state_->skeleton->maps.alloc_callers));
  std::vector<ProbedSite> sites;
  for (const LifeProbe& probe : probes) {
    // Common ones last; of a pair, the return before the call that it belongs to.
    const std::uint32_t turn = probe.call.common ? 2 : 0;
    const ProbedSite call{.program = session ? programs.life_session : programs.life_call,
                          .kind = session ? UprobeKind::kSession : UprobeKind::kCalls,
                          .file = probe.call.file,
                          .offset = probe.call.offset,
                          .cookie = cookie_of(probe, callers.number(probe.call)),
                          .turn = turn + 1};
    sites.push_back(call);
    if (session || probe.call.frees) continue;
    ProbedSite& returns = sites.emplace_back(call);
    returns.program = programs.life_return;
    returns.kind = UprobeKind::kReturns;
    returns.turn = turn;
  }
  return arm_sites(pid, sites);
}

void LifeProbes::follow_in(const FollowingTime& time) {
  cw_life_window& window = state_->window();
  std::atomic_ref(window.close_ns).store(0);
  std::atomic_ref(window.open_ns).store(time.open_ns);
  std::atomic_ref(window.one_in).store(time.one_in);
  std::atomic_ref(window.stacks).store(time.with_stacks ? 1U : 0U);
  std::atomic_ref(window.close_ns).store(time.close_ns);
}

bool LifeProbes::stop_following(std::uint64_t now_ns) {
  cw_life_window& window = state_->window();
  if (std::atomic_ref(window.close_ns).load() <= now_ns) return false;
  std::atomic_ref(window.close_ns).store(std::max<std::uint64_t>(now_ns, window.open_ns));
  return true;
}

std::uint64_t LifeProbes::closes_at() const {
  return std::atomic_ref(state_->window().close_ns).load();
}

LifeCounts LifeProbes::counts(std::uint64_t stepped_weight) const {
  LifeCounts sum;
  for (const cw_life_counts& counts :
       read_by_cpu<cw_life_counts>(bpf_map__fd(state_->skeleton->maps.life_counts), 0)) {
    add_hits(sum.hits, counts, stepped_weight);
    sum.samples += counts.samples;
  }
  return sum;
}

std::vector<FollowedBlock> LifeProbes::take_blocks() {
  const lives_bpf& skeleton = *state_->skeleton;
  const int threads = bpf_map__fd(skeleton.maps.life_threads);
  const std::uint32_t born =
      std::min<std::uint32_t>(std::atomic_ref(skeleton.bss->next_life).load(), CW_LIVES);
  std::map<std::uint32_t, cw_life_thread> met;
  const auto thread_of = [&](std::uint32_t tid) -> const cw_life_thread& {
    const auto [place, is_new] = met.try_emplace(tid);
    if (is_new) bpf_map_lookup_elem(threads, &tid, &place->second);
    return place->second;
  };
  std::vector<FollowedBlock> blocks;
  blocks.reserve(born);
  for (const cw_life& life : std::span(skeleton.bss->lives).first(born)) {
    if (life.born_ns == 0) continue;
    FollowedBlock block{.stack = life.stack,
                        .bytes = life.bytes,
                        .allocator = life.allocator,
                        .call_ns = life.call_ns,
                        .born_ns = life.born_ns,
                        .ended_ns = life.ended_ns,
                        .elsewhere = life.ended_ns != 0 && life.ended_tid != life.born_tid};
    if (!block.elsewhere) {
      const cw_life_thread& thread = thread_of(life.born_tid);
      const bool ended = life.ended_ns != 0;
      block.hits = (ended ? life.ended_hits : thread.hits) - life.born_hits;
      block.samples = (ended ? life.ended_samples : thread.samples) - life.born_samples;
    }
    blocks.push_back(block);
  }
  std::memset(skeleton.bss->lives, 0, born * sizeof(cw_life));
  std::atomic_ref(skeleton.bss->next_life).store(0);
  empty_map<std::uint64_t>(bpf_map__fd(skeleton.maps.life_of));
  empty_map<std::uint32_t>(threads);
  return blocks;
}

Losses LifeProbes::losses() const {
  return losses_of(*state_->skeleton);
}

const char* name_of(LifeProbes::Method method) {
  return method == LifeProbes::Method::kSession ? "uprobe.session" : "uprobe.multi pair";
}

}  // namespace cw
