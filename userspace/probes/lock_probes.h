// The lock side of the kernel: loads and attaches the futex hooks, reads what they counted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/error.h"
#include "model/process_times.h"
#include "model/snapshot.h"
#include "model/unwind.h"
#include "probes/unwind_maps.h"

namespace cw {

// Which hooks see the futex calls.
enum class HookSet : std::uint8_t {
  kAutomatic,    // functions where the kernel allows it, else tracepoints
  kFunctions,    // fentry/fexit on the system calls' functions, where text patching is allowed:
                 // nobody else pays
  kTracepoints,  // tracepoints of the system calls: every other system call pays a little
  kNone,         // locks are not observed; processes are followed all the same
};

// Entries the maps may hold. What does not fit is counted as lost.
struct MapSizes {
  std::uint32_t processes = 16384;
  std::uint32_t threads = 65536;
  std::uint32_t words = 131072;
  std::uint32_t octaves = 524288;  // histogram pieces: about five a word
  std::uint32_t sites = 262144;
  std::uint32_t stacks = 16384;
};

struct ProbeOptions {
  // What a process is that watch() was not called for.
  Watched newcomers = Watched::kNo;
  // Children of a process are what it is when they are born.
  bool follow_forks = false;
  HookSet hooks = HookSet::kAutomatic;
  MapSizes sizes;
};

// A thread found waiting before the hooks could see it begin.
struct WaitSeed {
  std::int32_t pid = 0;
  std::int32_t tid = 0;
  std::string comm;
  WordKey word;  // space is filled in for a private one
  std::uint16_t op = 0;
  std::uint32_t value = 0;
  bool on_own_stack = false;
  WalkedStack stack;
  std::uint64_t read_ns = 0;  // CLOCK_MONOTONIC before /proc was read
};

// What the hooks cost the watched threads so far, from a sample of timed runs.
struct HookCost {
  std::uint64_t runs = 0;
  std::uint64_t estimated_ns = 0;
  std::uint64_t stacks_wanted = 0;  // waits and wakes that could have had their stack taken
  std::uint64_t stacks_taken = 0;
  std::uint64_t stacks_ns = 0;  // part of estimated_ns that went into stacks
};

// Of one word's waits, or wakes, all have their stacks taken at first, then half of them, then half
// of those. One taken with chance 1 / k stands for k.
struct StackSampling {
  std::uint32_t at_a_rate = 32;  // so many are taken before the rate is halved; at most 65,535
  std::uint64_t granted = 500;   // at most so many of all words, until it is set again
};

// A process that the hooks know.
struct KnownProcess {
  std::int32_t pid = 0;
  ImageId image = 0;  // 0: none yet, it never waited
  Watched watched = Watched::kNo;
  std::uint32_t generation = 0;  // changes when the process gets another name
};

// Runs of one of our programs while the kernel times them; see time_programs().
struct ProgramRuns {
  std::string hook;  // as in hooks()
  std::uint64_t runs = 0;
  std::uint64_t ns = 0;
};

class LockProbes {
 public:
  // Errors: kNotAllowed with the reason and the cure when the kernel or the rights forbid it.
  static Result<LockProbes> load(const ProbeOptions& options);

  LockProbes(LockProbes&&) noexcept;
  LockProbes& operator=(LockProbes&&) noexcept;
  ~LockProbes();

  // Watches a process and its new threads. Before or after attach().
  Result<void> watch(std::int32_t pid, const std::string& comm);
  Result<void> attach();
  // Hooks for 32-bit callers, which pass no other tracepoint. They tax every system call of the
  // machine, so they are attached only once such a process is watched. Takes the rights to load
  // programs where load() was told of no newcomers.
  Result<void> attach_compat();

  // All that watch() named or a hook met and that have not ended.
  [[nodiscard]] Result<std::vector<KnownProcess>> processes() const;
  // A process that is not watched, unless it is known already.
  void dismiss(std::int32_t pid);
  // False when the process ended or got another name since it was read.
  bool decide(const KnownProcess& process, bool watched);

  // Of the processes that are alive and watched, or may turn out to be, by process id.
  [[nodiscard]] Result<std::unordered_map<std::int32_t, ProcessTimes>> times() const;
  // Of a process's threads, as far as they sleep in a system call; by thread id.
  std::map<std::int32_t, Registers> registers_of(std::int32_t pid);
  // False when a hook has seen the thread since, or there is no room.
  bool seed(const WaitSeed& wait);
  // Takes out of the books a wait that is over though no hook saw it end; start_ns 0: a seeded one.
  void reap(std::uint32_t tid, std::uint64_t start_ns, bool count_as_lost);
  // Gives a wait in progress the stack that was not taken when it began: the stack's id; 0 when the
  // wait is over, has one by now, or there is no room.
  StackId add_stack(const WaitInProgress& wait, const WalkedStack& walked);
  // A wait in progress whose stack stood for others, too: now for itself alone.
  void stand_alone(const WaitInProgress& wait);
  // Sets a word's number of waiters right if it does not fit the waits in progress; true if so.
  bool settle(const WordKey& word);
  // From now on a run of time-outs of one thread on the word is one wait; false when it is gone.
  bool join_polls(const WordKey& word);

  // All counters of watched processes as they stand. Each call begins a new count of distinct
  // waiters, and afterwards forgets what ended or went quiet long ago. `belongs` is asked about
  // images whose process is still undecided; without it none does.
  Result<Snapshot> snapshot(const std::function<bool(const Image&)>& belongs = {});
  // A kept stack; empty when it was not kept or is forgotten.
  [[nodiscard]] WalkedStack stack(StackId id) const;
  // What the kernel side needs to walk stacks. Lives as long as the probes.
  [[nodiscard]] UnwindMaps& unwind_maps();

  [[nodiscard]] HookCost cost() const;
  void sample_stacks(StackSampling sampling);
  [[nodiscard]] std::vector<ProgramRuns> program_runs() const;
  [[nodiscard]] HookSet hook_set() const;                // the one in use
  [[nodiscard]] std::vector<std::string> hooks() const;  // attached, by name
  // Descriptor of one of the maps, for programs of ours that share it; -1 when there is none.
  [[nodiscard]] int shared_map(const char* name) const;

 private:
  struct State;
  StackId keep_stack(const WalkedStack& walked);
  explicit LockProbes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cw
