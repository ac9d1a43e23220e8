// Who holds a lock, as its own memory tells.
#pragma once

#include <cstdint>

#include "model/report.h"

namespace cw {

// The thread that holds the lock at `address` (of the object), 0 when that is not known. Reads the
// process's memory without stopping it (process_vm_readv(2)), so the answer may be out of date.
// Only glibc's 64-bit pthread_mutex_t tells, and the writer of its pthread_rwlock_t; a lock of
// another make that looks like one is believed only if every field fits and the owner is a thread
// of the process, or of one that may share it. `op`: as in model/snapshot.h.
std::uint32_t lock_owner(std::int32_t pid, std::uint64_t address, LockKind kind, std::uint16_t op);

}  // namespace cw
