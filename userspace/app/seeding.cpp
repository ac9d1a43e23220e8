#include "app/seeding.h"

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

// Nothing but the place where it sleeps is known of a thread that moved on meanwhile.
WalkedStack stack_of(StackWalker& walker, const std::map<std::int32_t, Registers>& registers,
                     const FutexWait& wait) {
  const auto found = registers.find(wait.tid);
  if (found == registers.end() || found->second.pc != wait.pc || found->second.sp != wait.sp)
    return {.frames = {{.address = wait.pc}}};
  return walker.walk(found->second);
}

}  // namespace

void seed_waits(LockProbes& probes, std::int32_t pid, UnwindFiles& files) {
  const std::uint64_t read_ns = monotonic_ns();
  const std::vector<FutexWait> waits = futex_waits(pid);
  if (waits.empty()) return;
  const std::map<std::int32_t, Registers> registers = probes.registers_of(pid);
  StackWalker walker(pid, files);
  const std::string comm = comm_of(pid);
  for (const FutexWait& wait : waits) {
    const bool seeded = probes.seed(
        WaitSeed{.pid = pid,
                 .tid = wait.tid,
                 .comm = comm,
                 .word = word_key(walker.memory_map(), wait),
                 .op = wait.op,
                 .value = wait.value,
                 .on_own_stack = wait.address >= wait.sp && wait.address - wait.sp < kOwnStackReach,
                 .stack = stack_of(walker, registers, wait),
                 .read_ns = read_ns});
    // It may have left between the look and the seed, where no hook had a wait to end.
    if (seeded && !blocked_call(pid, wait.tid))
      probes.reap(static_cast<std::uint32_t>(wait.tid), 0, false);
  }
}

}  // namespace cw
