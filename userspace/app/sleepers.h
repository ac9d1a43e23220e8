// The stacks of threads that wait and whose stack no hook took: walked from outside while they
// sleep.
#pragma once

#include <cstdint>
#include <map>

#include "model/snapshot.h"
#include "probes/lock_probes.h"
#include "process/stack_walker.h"
#include "process/waiting_threads.h"

namespace cw {

// Of one process; its maps and its threads' registers are read once, now.
class Sleepers {
 public:
  // `files` must outlive this.
  Sleepers(LockProbes& probes, std::int32_t pid, UnwindFiles& files)
      : registers_(probes.registers_of(pid)), walker_(pid, files) {}

  // Only the place where it sleeps, of a thread that moved on meanwhile. Whether it sleeps there
  // still is the caller's to check.
  WalkedStack stack_of(std::int32_t tid, std::uint64_t pc, std::uint64_t sp);
  [[nodiscard]] const MemoryMap& memory_map() const { return walker_.memory_map(); }

 private:
  std::map<std::int32_t, Registers> registers_;
  StackWalker walker_;
};

// Takes into the books those that already waited before the hooks were there.
void seed_waits(LockProbes& probes, std::int32_t pid, UnwindFiles& files);

// Waits that have lasted a while and began when the budget allowed no stack: a deadlock, above all,
// must not be shown without. The longest first; in one call some, the rest in the next.
void add_missing_stacks(LockProbes& probes, Snapshot& snapshot, UnwindFiles& files);

}  // namespace cw
