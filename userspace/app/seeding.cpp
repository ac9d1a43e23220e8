#include "app/seeding.h"

#include "model/clock.h"
#include "process/maps.h"
#include "process/proc.h"
#include "process/proc_files.h"
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

}  // namespace

void seed_waits(LockProbes& probes, std::int32_t pid) {
  const std::uint64_t read_ns = monotonic_ns();
  const std::vector<FutexWait> waits = futex_waits(pid);
  if (waits.empty()) return;
  const MemoryMap map = MemoryMap::read(open_process(pid).get());
  const std::string comm = comm_of(pid);
  for (const FutexWait& wait : waits) {
    const bool seeded = probes.seed(
        WaitSeed{.pid = pid,
                 .tid = wait.tid,
                 .comm = comm,
                 .word = word_key(map, wait),
                 .op = wait.op,
                 .value = wait.value,
                 .on_own_stack = wait.address >= wait.sp && wait.address - wait.sp < kOwnStackReach,
                 .pc = wait.pc,
                 .read_ns = read_ns});
    // It may have left between the look and the seed, where no hook had a wait to end.
    if (seeded && !blocked_call(pid, wait.tid))
      probes.reap(static_cast<std::uint32_t>(wait.tid), 0, false);
  }
}

}  // namespace cw
