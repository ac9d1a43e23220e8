#include "app/sleepers.h"

#include <algorithm>
#include <vector>

#include "model/clock.h"
#include "process/maps.h"
#include "process/proc.h"
#include "process/stack_walker.h"
#include "process/waiting_threads.h"

namespace cw {
namespace {

// The word as the kernel keys it: see get_futex_key() in kernel/futex/core.c.
WordKey word_key(const MemoryMap& map, const FutexWait& wait) {
  WordKey key{.address = wait.address};
  if ((wait.op & kOpPrivate) != 0) return key;
  const Mapping* mapping = map.find(wait.address);
  if (mapping == nullptr || !mapping->shared || !mapping->of_file()) return key;
  key.scope = WordKey::Scope::kFile;
  key.space = mapping->inode;
  key.device = mapping->device_major << 20 | mapping->device_minor;
  key.address = wait.address - mapping->start + mapping->offset;
  return key;
}

constexpr std::uint64_t kLong = 200'000'000;  // ns
constexpr std::size_t kWalked = 64;
constexpr std::size_t kProcessesLookedAt = 8;

bool is_long(const WaitInProgress& wait, const Snapshot& snapshot) {
  return wait.start_ns + kLong < snapshot.time_ns;
}

std::vector<WaitInProgress*> long_waits_without_stack(Snapshot& snapshot) {
  std::vector<WaitInProgress*> waits;
  for (WaitInProgress& wait : snapshot.in_progress)
    if (wait.stack == 0 && !wait.is_of_goroutine() && is_long(wait, snapshot))
      waits.push_back(&wait);
  std::ranges::sort(waits, {}, &WaitInProgress::start_ns);
  waits.resize(std::min(waits.size(), kWalked));
  return waits;
}

}  // namespace

WalkedStack Sleepers::stack_of(std::int32_t tid, std::uint64_t pc, std::uint64_t sp) {
  const auto found = registers_.find(tid);
  if (found == registers_.end() || found->second.pc != pc || found->second.sp != sp)
    return {.frames = {{.address = pc}}};
  return walker_.walk(found->second);
}

void add_missing_stacks(LockProbes& probes, Snapshot& snapshot, UnwindFiles& files) {
  for (const WaitInProgress& wait : snapshot.in_progress)
    if (wait.stack != 0 && wait.weight > 1 && is_long(wait, snapshot)) probes.stand_alone(wait);
  std::map<std::int32_t, Sleepers> processes;
  for (WaitInProgress* wait : long_waits_without_stack(snapshot)) {
    const auto image = snapshot.images.find(wait->image);
    if (image == snapshot.images.end()) continue;
    const std::int32_t pid = image->second.pid;
    const auto tid = static_cast<std::int32_t>(wait->tid);
    auto process = processes.find(pid);
    if (process == processes.end()) {
      if (processes.size() == kProcessesLookedAt) continue;
      process = processes.try_emplace(pid, probes, pid, files).first;
    }
    const auto call = blocked_call(pid, tid);
    if (!call) continue;
    const WalkedStack stack = process->second.stack_of(tid, call->pc, call->sp);
    // While it was walked it may have woken and gone to sleep again; then the kernel side knows.
    if (const auto still = blocked_call(pid, tid); still && still->sp == call->sp)
      wait->stack = probes.add_stack(*wait, stack);
  }
}

void seed_waits(LockProbes& probes, std::int32_t pid, UnwindFiles& files) {
  const std::uint64_t read_ns = monotonic_ns();
  const std::vector<FutexWait> waits = futex_waits(pid);
  if (waits.empty()) return;
  Sleepers sleepers(probes, pid, files);
  const std::string comm = comm_of(pid);
  for (const FutexWait& wait : waits) {
    const bool seeded = probes.seed(
        WaitSeed{.pid = pid,
                 .tid = wait.tid,
                 .comm = comm,
                 .word = word_key(sleepers.memory_map(), wait),
                 .op = wait.op,
                 .value = wait.value,
                 .on_own_stack = wait.address >= wait.sp && wait.address - wait.sp < kOwnStackReach,
                 .stack = sleepers.stack_of(wait.tid, wait.pc, wait.sp),
                 .read_ns = read_ns});
    // It may have left between the look and the seed, where no hook had a wait to end.
    if (seeded && !blocked_call(pid, wait.tid))
      probes.reap(static_cast<std::uint32_t>(wait.tid), 0, false);
  }
}

}  // namespace cw
