#include "probes/lock_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <span>

#include "locks.skel.h"
#include "model/clock.h"
#include "probes/lock_hooks.h"
#include "probes/lock_programs.h"
#include "probes/map_reader.h"
#include "probes/per_cpu.h"
#include "probes/process_times.h"
#include "probes/retention.h"
#include "probes/skeleton.h"
#include "probes/thread_registers.h"
#include "probes/wire_key.h"
#include "wire_requests.h"

namespace cw {
namespace {

constexpr std::int64_t kPartKeptBack = 10;  // one in so many of the stacks granted

MapFds fds_of(const locks_bpf& skeleton) {
  return MapFds{.processes = bpf_map__fd(skeleton.maps.processes),
                .images = bpf_map__fd(skeleton.maps.images),
                .threads = bpf_map__fd(skeleton.maps.threads),
                .words = bpf_map__fd(skeleton.maps.words),
                .octaves = bpf_map__fd(skeleton.maps.octaves),
                .sites = bpf_map__fd(skeleton.maps.sites),
                .stacks = bpf_map__fd(skeleton.maps.stacks)};
}

UnwindMaps::Fds unwind_fds_of(const locks_bpf& skeleton) {
  return {.tables = bpf_map__fd(skeleton.maps.unwind_tables),
          .spaces = bpf_map__fd(skeleton.maps.code_spaces),
          .rules = bpf_map__fd(skeleton.maps.unwind_rules),
          .space_of = bpf_map__fd(skeleton.maps.space_of),
          .unknown_code = bpf_map__fd(skeleton.maps.unknown_code),
          .epoch = &skeleton.data_unwind->unwind_epoch};
}

// Runs one of our `syscall` programs; its answer, or -1.
template <typename Argument>
int run(const bpf_program* program, Argument& argument) {
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.ctx_in = &argument;
  options.ctx_size_in = sizeof(argument);
  if (bpf_prog_test_run_opts(bpf_program__fd(program), &options) != 0) return -1;
  return static_cast<int>(options.retval);
}

// What all runs took, when some were timed.
std::uint64_t extrapolated(std::uint64_t timed_ns, std::uint64_t timed, std::uint64_t all) {
  if (timed == 0) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(timed_ns) / static_cast<double>(timed) *
                                    static_cast<double>(all));
}

// What belongs to processes that are not watched, or not yet, is no one's to report.
void leave_out_unwatched(Snapshot& snapshot) {
  const auto watched = [&](std::uint64_t image) {
    const auto found = snapshot.images.find(static_cast<ImageId>(image));
    return found != snapshot.images.end() && found->second.watched == Watched::kYes;
  };
  std::erase_if(snapshot.words, [&](const auto& entry) {
    const WordKey& key = entry.second.key;
    return key.scope == WordKey::Scope::kPrivate && !watched(key.space);
  });
  std::erase_if(snapshot.in_progress,
                [&](const WaitInProgress& wait) { return !watched(wait.image); });
}

void copy_comm(std::span<char> to, const std::string& from) {
  std::ranges::fill(to, '\0');
  std::ranges::copy_n(
      from.begin(), static_cast<std::ptrdiff_t>(std::min(from.size(), to.size() - 1)), to.begin());
}

}  // namespace

struct LockProbes::State {
  Skeleton<locks_bpf> skeleton;
  Skeleton<locks_bpf> compat;  // null as long as there is no need
  AttachedHooks hooks;
  AttachedHooks compat_hooks;
  MapFds maps;
  UnwindMaps unwind_maps{{}};  // none yet
  MapSizes sizes;
  HookSet set = HookSet::kAutomatic;
  Retention retention{0};
  DistinctWaiters distinct;

  // Once. A third of all there is to verify, and hardly anybody needs them.
  Result<void> load_compat() {
    if (compat) return {};
    auto loaded = load_more_programs(
        [&](const char* name) { return bpf_object__find_map_fd_by_name(skeleton->obj, name); },
        select_compat_programs);
    if (!loaded) return std::unexpected(loaded.error());
    compat = std::move(*loaded);
    return {};
  }
};

LockProbes::LockProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
LockProbes::LockProbes(LockProbes&&) noexcept = default;
LockProbes& LockProbes::operator=(LockProbes&&) noexcept = default;
LockProbes::~LockProbes() = default;

Result<LockProbes> LockProbes::load(const ProbeOptions& options) {
  print_only_if_asked();
  auto state = std::make_unique<State>();
  state->sizes = options.sizes;
  state->retention = Retention(options.sizes.words);
  auto skeleton = load_for(options.hooks, state->set,
                           [&](HookSet set) { return load_lock_programs(options, set); });
  if (!skeleton) return std::unexpected(skeleton.error());
  state->skeleton = std::move(*skeleton);
  // Who comes later may be a 32-bit caller, and the rights to load programs are gone by then.
  if (options.newcomers != Watched::kNo || options.follow_forks)
    if (auto loaded = state->load_compat(); !loaded) return std::unexpected(loaded.error());
  state->maps = fds_of(*state->skeleton);
  state->unwind_maps = UnwindMaps(unwind_fds_of(*state->skeleton));
  return LockProbes(std::move(state));
}

Result<void> LockProbes::watch(std::int32_t pid, const std::string& comm) {
  const locks_bpf& skeleton = *state_->skeleton;
  const auto tgid = static_cast<std::uint32_t>(pid);
  cw_image image{};
  image.pid = tgid;
  image.watched = CW_WATCHED;
  copy_comm(image.comm, comm);
  const cw_process process{
      .image = std::atomic_ref(skeleton.data->next_image).fetch_add(1),
      .watched = CW_WATCHED,
      .generation = std::atomic_ref(skeleton.data->next_generation).fetch_add(1)};
  int error = bpf_map_update_elem(state_->maps.images, &process.image, &image, BPF_ANY);
  if (error == 0) error = bpf_map_update_elem(state_->maps.processes, &tgid, &process, BPF_ANY);
  if (error != 0)
    return fail(Exit::kFailed, fmt::format("cannot watch pid {}: {}", pid, std::strerror(-error)));
  return {};
}

Result<void> LockProbes::attach() {
  auto hooks = attach_programs(state_->skeleton->obj, state_->set);
  if (!hooks) return std::unexpected(hooks.error());
  state_->hooks = std::move(*hooks);
  return {};
}

Result<void> LockProbes::attach_compat() {
  if (!state_->compat_hooks.links.empty()) return {};
  if (auto loaded = state_->load_compat(); !loaded) return loaded;
  auto hooks = attach_programs(state_->compat->obj, HookSet::kNone);
  if (!hooks) return std::unexpected(hooks.error());
  state_->compat_hooks = std::move(*hooks);
  return {};
}

Result<std::vector<KnownProcess>> LockProbes::processes() const {
  return read_processes(state_->maps);
}

void LockProbes::dismiss(std::int32_t pid) {
  const auto tgid = static_cast<std::uint32_t>(pid);
  const cw_process process{
      .image = 0,
      .watched = CW_UNWATCHED,
      .generation = std::atomic_ref(state_->skeleton->data->next_generation).fetch_add(1)};
  bpf_map_update_elem(state_->maps.processes, &tgid, &process, BPF_NOEXIST);
}

bool LockProbes::decide(const KnownProcess& process, bool watched) {
  cw_decide argument{.tgid = static_cast<std::uint32_t>(process.pid),
                     .generation = process.generation,
                     .watched = watched ? CW_WATCHED : CW_UNWATCHED,
                     .padding = 0};
  return run(state_->skeleton->progs.decide, argument) == 0;
}

Result<std::unordered_map<std::int32_t, ProcessTimes>> LockProbes::times() const {
  return read_process_times(state_->skeleton->progs.list_times);
}

std::map<std::int32_t, Registers> LockProbes::registers_of(std::int32_t pid) {
  return registers_of_threads(state_->skeleton->progs.list_registers,
                              state_->skeleton->bss->registers_of, pid);
}

// Under a hash of its addresses, as the kernel side keeps those that it walks.
StackId LockProbes::keep_stack(const WalkedStack& walked) {
  if (walked.frames.empty()) return 0;
  cw_stack stack{};
  stack.end = walked.outermost ? CW_END_OUTERMOST : CW_END_SEEDED;
  StackId id = 1;
  for (const WalkedFrame& frame : walked.frames) {
    if (stack.depth == CW_MAX_DEPTH) break;
    const std::uint64_t address = frame.address | (frame.exact ? CW_FRAME_EXACT : 0) |
                                  (frame.guessed ? CW_FRAME_GUESSED : 0) |
                                  (frame.method ? CW_FRAME_METHOD : 0);
    stack.address[stack.depth++] = address;
    id = (id ^ address) * 0x9e3779b97f4a7c15U;
    id ^= id >> 29U;
  }
  if (bpf_map_update_elem(state_->maps.stacks, &id, &stack, BPF_ANY) != 0) return 0;
  return id;
}

bool LockProbes::seed(const WaitSeed& wait) {
  cw_seed argument{};
  argument.stack = keep_stack(wait.stack);
  argument.word = wire_key(wait.word);
  argument.read_ns = wait.read_ns;
  argument.tid = static_cast<std::uint32_t>(wait.tid);
  argument.tgid = static_cast<std::uint32_t>(wait.pid);
  argument.value = wait.value;
  argument.op = wait.op;
  argument.on_own_stack = wait.on_own_stack ? 1 : 0;
  copy_comm(argument.comm, wait.comm);
  return run(state_->skeleton->progs.seed, argument) == 0;
}

void LockProbes::reap(std::uint32_t tid, std::uint64_t start_ns, bool count_as_lost) {
  cw_reap argument{.start_ns = start_ns, .tid = tid, .lost = count_as_lost ? 1U : 0U};
  run(state_->skeleton->progs.reap, argument);
}

StackId LockProbes::add_stack(const WaitInProgress& wait, const WalkedStack& walked) {
  cw_late_stack argument{
      .start_ns = wait.start_ns, .stack = keep_stack(walked), .tid = wait.tid, .unused = 0};
  if (argument.stack == 0 || run(state_->skeleton->progs.add_stack, argument) != 0) return 0;
  return argument.stack;
}

void LockProbes::stand_alone(const WaitInProgress& wait) {
  cw_late_stack argument{
      .start_ns = wait.start_ns, .stack = wait.stack, .tid = wait.tid, .unused = 0};
  run(state_->skeleton->progs.add_stack, argument);
}

bool LockProbes::settle(const WordKey& word) {
  cw_settle argument{.word = wire_key(word)};
  return run(state_->skeleton->progs.settle, argument) == 0;
}

bool LockProbes::join_polls(const WordKey& word) {
  cw_polled argument{.word = wire_key(word)};
  return run(state_->skeleton->progs.join_polls, argument) == 0;
}

Result<Snapshot> LockProbes::snapshot(const std::function<bool(const Image&)>& belongs) {
  State& state = *state_;
  auto& counters = *state.skeleton->bss;
  Snapshot snapshot;
  snapshot.time_ns = monotonic_ns();
  const std::uint32_t ended_epoch = std::atomic_ref(state.skeleton->data->epoch).fetch_add(1);
  if (auto read = read_maps(state.maps, ended_epoch, state.distinct, snapshot); !read)
    return std::unexpected(read.error());
  snapshot.losses = Losses{.waits = counters.lost_waits,
                           .stacks = counters.lost_stacks,
                           .events = counters.lost_events + missed_runs(state.skeleton->obj) +
                                     (state.compat ? missed_runs(state.compat->obj) : 0),
                           .map_full = counters.map_full};
  for (auto& [id, image] : snapshot.images)
    if (image.watched == Watched::kUndecided)
      image.watched = belongs && belongs(image) ? Watched::kYes : Watched::kNo;
  const Retention::Due due = state.retention.due(snapshot);
  for (const WordId id : due.words) {
    if (forget_word(state.maps, snapshot.words.at(id)))
      std::atomic_ref(counters.words_kept).fetch_sub(1);
    state.distinct.forget(id);
  }
  for (const ImageId id : due.images) forget_image(state.maps, id);
  leave_out_unwatched(snapshot);
  if (count_stacks(state.maps) > state.sizes.stacks / 2)
    forget_stacks_unused_in(state.maps, snapshot);
  return snapshot;
}

WalkedStack LockProbes::stack(StackId id) const {
  cw_stack kept{};
  if (id == 0 || bpf_map_lookup_elem(state_->maps.stacks, &id, &kept) != 0) return {};
  WalkedStack stack{.frames = {}, .outermost = kept.end == CW_END_OUTERMOST};
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(kept.depth, CW_MAX_DEPTH); ++i)
    stack.frames.push_back({.address = kept.address[i] & CW_FRAME_ADDRESS,
                            .exact = (kept.address[i] & CW_FRAME_EXACT) != 0,
                            .guessed = (kept.address[i] & CW_FRAME_GUESSED) != 0,
                            .method = (kept.address[i] & CW_FRAME_METHOD) != 0});
  return stack;
}

UnwindMaps& LockProbes::unwind_maps() {
  return state_->unwind_maps;
}

HookCost LockProbes::cost() const {
  cw_cost sum{};
  for (const cw_cost& cost : read_by_cpu<cw_cost>(bpf_map__fd(state_->skeleton->maps.cost), 0)) {
    sum.runs += cost.runs;
    sum.timed_runs += cost.timed_runs;
    sum.timed_ns += cost.timed_ns;
    sum.stacks_wanted += cost.stacks_wanted;
    sum.stacks_taken += cost.stacks_taken;
    sum.timed_stacks += cost.timed_stacks;
    sum.timed_stacks_ns += cost.timed_stacks_ns;
  }
  return HookCost{
      .runs = sum.runs,
      .estimated_ns = extrapolated(sum.timed_ns, sum.timed_runs, sum.runs),
      .stacks_wanted = sum.stacks_wanted,
      .stacks_taken = sum.stacks_taken,
      .stacks_ns = extrapolated(sum.timed_stacks_ns, sum.timed_stacks, sum.stacks_taken)};
}

void LockProbes::sample_stacks(StackSampling sampling) {
  auto& settings = *state_->skeleton->data;
  const auto granted = static_cast<std::int64_t>(
      std::min<std::uint64_t>(sampling.granted, std::numeric_limits<std::int64_t>::max()));
  std::atomic_ref(settings.stacks_at_a_rate).store(std::clamp(sampling.at_a_rate, 1U, 65'535U));
  std::atomic_ref(settings.stacks_kept_back).store(granted / kPartKeptBack);
  std::atomic_ref(settings.stacks_left).store(granted);
  std::atomic_ref(settings.stack_look).fetch_add(1);
}

std::vector<ProgramRuns> LockProbes::program_runs() const {
  return timed_runs(state_->skeleton->obj);
}

HookSet LockProbes::hook_set() const {
  return state_->set;
}

std::vector<std::string> LockProbes::hooks() const {
  std::vector<std::string> names = state_->hooks.names;
  names.insert(names.end(), state_->compat_hooks.names.begin(), state_->compat_hooks.names.end());
  return names;
}

int LockProbes::shared_map(const char* name) const {
  return bpf_object__find_map_fd_by_name(state_->skeleton->obj, name);
}

}  // namespace cw
