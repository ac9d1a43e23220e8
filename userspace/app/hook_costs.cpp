#include "app/hook_costs.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <iterator>
#include <optional>
#include <string_view>
#include <thread>

#include "app/hit_cost.h"
#include "app/section_cost.h"
#include "app/self_cost.h"
#include "probes/alloc_probes.h"
#include "probes/features.h"
#include "probes/section_probes.h"

namespace cw {
namespace {

constexpr int kTrials = 20;
constexpr double kNoise = 0.05;  // of what a call takes
constexpr int kThreads = 64;
constexpr int kSignals = 64;
constexpr int kPrograms = 4;

struct Occasion {
  std::string_view hook;
  std::string_view when;
};
constexpr auto kOccasions = std::to_array<Occasion>({
    {"tp_btf/signal_deliver", "each signal"},
    {"tp_btf/sched_process_exit", "the end of a thread"},
    {"tp_btf/sched_process_exec", "the start of a program"},
    {"tp_btf/sched_process_fork", "the birth of a thread"},
});

CallCosts cheaper(const CallCosts& one, const CallCosts& other) {
  return {.plain_syscall_ns = std::min(one.plain_syscall_ns, other.plain_syscall_ns),
          .futex_wake_ns = std::min(one.futex_wake_ns, other.futex_wake_ns),
          .futex_wait_ns = std::min(one.futex_wait_ns, other.futex_wait_ns)};
}

CallCosts measure() {
  CallCosts best = measure_calls();
  for (int round = 1; round < kTrials; ++round) best = cheaper(best, measure_calls());
  return best;
}

// 0 where it cannot be told from none.
double added(double with, double without) {
  return with - without < kNoise * without ? 0 : with - without;
}

// The dearer of a call that waits and one that wakes; each passes two hooks.
double cost_of_a_hit(const CallCosts& watched, const CallCosts& alone) {
  return std::max(added(watched.futex_wake_ns, alone.futex_wake_ns),
                  added(watched.futex_wait_ns, alone.futex_wait_ns)) /
         2;
}

void run_ourselves_once() {
  posix_spawn_file_actions_t files{};
  if (posix_spawn_file_actions_init(&files) != 0) return;
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  std::string name = "contentionwatch";
  std::string flag = "--version";
  std::array<char*, 3> arguments{name.data(), flag.data(), nullptr};
  pid_t pid = 0;
  if (posix_spawn(&pid, "/proc/self/exe", &files, nullptr, arguments.data(), environ) == 0)
    waitpid(pid, nullptr, 0);
  posix_spawn_file_actions_destroy(&files);
}

// What happens to processes now and then: threads begin and end, signals, new programs.
void live_a_little() {
  struct sigaction before{};
  struct sigaction ours{};
  ours.sa_handler = [](int) {};
  sigaction(SIGURG, &ours, &before);
  for (int i = 0; i < kSignals; ++i) static_cast<void>(raise(SIGURG));
  sigaction(SIGURG, &before, nullptr);
  for (int i = 0; i < kThreads; ++i) std::thread([] {}).join();
  for (int i = 0; i < kPrograms; ++i) run_ourselves_once();
}

HookFacts make_hook(std::string_view name, bool used, std::string_view when) {
  HookFacts hook;
  hook.name = name;
  hook.used = used;
  hook.when = when;
  return hook;
}

bool sees_calls(std::string_view point) {
  return point.starts_with("tracepoint/") || point.starts_with("fentry/") ||
         point.starts_with("fexit/");
}

std::vector<HookFacts> hooks_of_their_own(const LockProbes& probes) {
  std::vector<HookFacts> found;
  const Fd timing = time_programs();
  const std::vector<ProgramRuns> before = probes.program_runs();
  if (timing) live_a_little();
  const std::vector<ProgramRuns> after = probes.program_runs();
  for (const std::string& point : probes.hooks()) {
    if (sees_calls(point)) continue;
    const auto* const occasion = std::ranges::find(kOccasions, point, &Occasion::hook);
    HookFacts hook =
        make_hook(point, true, occasion == kOccasions.end() ? std::string_view() : occasion->when);
    hook.points = {point};
    for (std::size_t i = 0; i < after.size(); ++i) {
      const std::uint64_t runs = after[i].runs - before[i].runs;
      if (after[i].hook == point && runs != 0)
        hook.cost_ns = static_cast<double>(after[i].ns - before[i].ns) / static_cast<double>(runs);
    }
    found.push_back(std::move(hook));
  }
  return found;
}

HookFacts call_hooks(const LockProbes& probes) {
  const bool functions = probes.hook_set() == HookSet::kFunctions;
  HookFacts hook = make_hook(functions ? "functions" : "tracepoints", true,
                             "the beginning and the end of each futex call");
  std::ranges::copy_if(probes.hooks(), std::back_inserter(hook.points), sees_calls);
  return hook;
}

// What calls take, from nothing attached to everything.
struct Stages {
  CallCosts alone;
  CallCosts beside;   // attached, but we are not watched
  CallCosts watched;  // we are
  std::optional<CallCosts> with_compat;
};

// What a probed function pays, by how the kernel runs the instruction a probe sits on.
void measure_probes(const LockProbes& locks, UprobeWay uprobes, MeasuredHooks& measured) {
  auto probes = AllocProbes::load(locks, Watched::kNo, locks.hook_set(), uprobes);
  if (!probes) return;
  const auto measure_one = [&](OwnFunction function) {
    const double ns = measure_probe_hit(*probes, function);
    return ns > 0 ? std::optional(ns) : std::nullopt;
  };
  measured.emulated_ns = measure_one(OwnFunction::kEmulated);
  measured.single_stepped_ns = measure_one(OwnFunction::kStepped);
  const bool at_once = probes->uprobes() != UprobeWay::kSingle;
  HookFacts hook =
      make_hook(at_once ? "uprobe.multi" : "uprobe", true,
                "each call of an allocator or a lock, in windows of some milliseconds");
  hook.cost_ns = measured.emulated_ns;
  measured.hooks.push_back(std::move(hook));
  if (auto sections = SectionProbes::load(locks))
    if (const auto costs = measure_section_costs(*sections))
      measured.lock_emulated_ns = costs->hit_ns;
}

Result<void> measure_attached(LockProbes probes, UprobeWay uprobes, Stages& stages,
                              MeasuredHooks& measured) {
  std::vector<HookFacts>& hooks = measured.hooks;
  if (auto attached = probes.attach(); !attached) return attached;
  stages.beside = measure();
  if (auto watched = probes.watch(getpid(), "contentionwatch"); !watched) return watched;
  stages.watched = measure();
  hooks.push_back(call_hooks(probes));
  std::ranges::move(hooks_of_their_own(probes), std::back_inserter(hooks));
  measure_probes(probes, uprobes, measured);
  HookFacts compat =
      make_hook("compat", false, "all system calls, while a 32-bit process is watched");
  const auto others = static_cast<std::ptrdiff_t>(probes.hooks().size());
  if (probes.attach_compat()) {
    stages.with_compat = measure();
    const std::vector<std::string> all = probes.hooks();
    compat.points.assign(all.begin() + others, all.end());
  }
  hooks.push_back(std::move(compat));
  // The other way to see calls is not in use.
  const bool functions = probes.hook_set() == HookSet::kFunctions;
  hooks.push_back(make_hook(functions ? "tracepoints" : "functions", false, {}));
  return {};
}

}  // namespace

MeasuredHooks measure_hooks(HookSet wanted, UprobeWay uprobes, bool with_32bit) {
  MeasuredHooks measured;
  Stages stages{.alone = measure(), .beside = {}, .watched = {}, .with_compat = {}};
  auto probes = LockProbes::load(
      {.newcomers = Watched::kNo, .follow_forks = false, .hooks = wanted, .sizes = {}});
  const auto not_measured = [](const Error& error) {
    MeasuredHooks none;
    none.error = error.message;
    return none;
  };
  if (!probes) return not_measured(probes.error());
  const auto done = measure_attached(std::move(*probes), uprobes, stages, measured);
  if (!done) return not_measured(done.error());
  // Again, now that all is detached: somebody else's tracing may have made calls dear before.
  stages.alone = cheaper(stages.alone, measure());

  HookFacts& calls = measured.hooks.front();
  calls.cost_ns = cost_of_a_hit(stages.watched, stages.alone);
  calls.bystander_ns = added(stages.beside.plain_syscall_ns, stages.alone.plain_syscall_ns);
  const auto compat = std::ranges::find(measured.hooks, "compat", &HookFacts::name);
  compat->used = with_32bit;
  if (stages.with_compat)
    compat->bystander_ns =
        added(stages.with_compat->plain_syscall_ns, stages.watched.plain_syscall_ns);
  return measured;
}

}  // namespace cw
