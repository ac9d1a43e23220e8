#include "process/owner.h"

#include <linux/futex.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "model/snapshot.h"
#include "process/proc.h"
#include "process/proc_files.h"

namespace cw {
namespace {

// glibc, sysdeps/nptl/bits/struct_mutex.h, 64-bit.
struct GlibcMutex {
  std::uint32_t lock;
  std::uint32_t count;  // of nested acquisitions, recursive mutexes only
  std::int32_t owner;
  std::uint32_t users;
  std::int32_t kind;
};
constexpr std::int32_t kMaxKind = 0x1ff;
constexpr std::int32_t kTypeMask = 3;
constexpr std::int32_t kRecursive = 1;
constexpr std::int32_t kRobust = 16;
constexpr std::int32_t kPriorityInherit = 32;
constexpr std::uint32_t kMaxUsers = 1U << 22;  // PID_MAX_LIMIT

// glibc, sysdeps/nptl/bits/struct_rwlock.h, 64-bit, up to what we need.
struct GlibcRwlock {
  std::uint32_t readers;
  std::uint32_t writers;
  std::uint32_t phase_futex;  // odd: a writer's turn
  std::uint32_t writers_futex;
  std::array<std::uint32_t, 2> unused;
  std::int32_t writer;
  std::int32_t shared;
};
constexpr std::uint32_t kWritersTurn = 1;
constexpr std::size_t kMostProcesses = 4096;  // looked at for the owner of a shared lock

template <typename Lock>
std::optional<Lock> read_lock(std::int32_t pid, std::uint64_t address) {
  Lock lock{};
  const iovec ours{.iov_base = &lock, .iov_len = sizeof lock};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
  const iovec theirs{.iov_base = reinterpret_cast<void*>(address), .iov_len = sizeof lock};
  if (::process_vm_readv(pid, &ours, 1, &theirs, 1, 0) != sizeof lock) return std::nullopt;
  return lock;
}

// The owner's id as the process sees it, 0 when this is no held glibc mutex.
std::int32_t owner_in(const GlibcMutex& mutex, std::uint16_t op) {
  const unsigned command = op & kOpCommand;
  const bool op_is_pi = command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2;
  if (mutex.lock == 0 || mutex.kind < 0 || mutex.kind > kMaxKind) return 0;
  const bool holds_tid = op_is_pi || (mutex.kind & (kRobust | kPriorityInherit)) != 0;
  if (holds_tid) return static_cast<std::int32_t>(mutex.lock & FUTEX_TID_MASK);
  if (mutex.lock > 2) return 0;
  const bool recursive = (mutex.kind & kTypeMask) == kRecursive;
  const bool fits = recursive == (mutex.count != 0) && mutex.users >= 1 && mutex.users <= kMaxUsers;
  return fits ? mutex.owner : 0;
}

// The thread that writes, as the process sees it; readers leave no name.
std::int32_t writer_in(const GlibcRwlock& lock, std::uint16_t op) {
  // glibc waits without a timeout on the realtime clock; other makes of rwlocks do not.
  if ((op & kOpRealtime) == 0 || lock.unused[0] != 0 || lock.unused[1] != 0) return 0;
  return (lock.phase_futex & kWritersTurn) != 0 ? lock.writer : 0;
}

std::int32_t owner_at(std::int32_t pid, std::uint64_t address, LockKind kind, std::uint16_t op) {
  if (kind == LockKind::kRwlock) {
    const auto lock = read_lock<GlibcRwlock>(pid, address);
    return lock ? writer_in(*lock, op) : 0;
  }
  const auto mutex = read_lock<GlibcMutex>(pid, address);
  return mutex ? owner_in(*mutex, op) : 0;
}

// The thread of `pid` that has this id in the process's innermost pid namespace; 0: none.
std::int32_t thread_named(std::int32_t pid, std::int32_t inner) {
  const auto tids = tids_of(pid);
  if (namespace_ids_of(pid, pid).size() <= 1)
    return std::ranges::find(tids, inner) == tids.end() ? 0 : inner;
  for (const std::int32_t tid : tids) {
    const auto ids = namespace_ids_of(pid, tid);
    if (!ids.empty() && ids.back() == inner) return tid;
  }
  return 0;
}

std::string pid_namespace_of(std::int32_t pid) {
  const Fd process = open_process(pid);
  return process ? read_link(process.get(), "ns/pid") : std::string();
}

// A lock that processes share may be held by a thread of another one; ids are then those of the
// namespace that they share.
std::int32_t thread_named_beside(std::int32_t pid, std::int32_t inner) {
  if (namespace_ids_of(pid, pid).size() <= 1) return process_of_thread(inner) ? inner : 0;
  const std::string space = pid_namespace_of(pid);
  if (space.empty()) return 0;
  auto others = all_pids();
  others.resize(std::min(others.size(), kMostProcesses));
  for (const std::int32_t other : others) {
    if (other == pid || pid_namespace_of(other) != space) continue;
    if (const std::int32_t tid = thread_named(other, inner); tid != 0) return tid;
  }
  return 0;
}

}  // namespace

std::uint32_t lock_owner(std::int32_t pid, std::uint64_t address, LockKind kind, std::uint16_t op) {
  if (kind != LockKind::kMutex && kind != LockKind::kRwlock && kind != LockKind::kUnknown) return 0;
  if (is_32bit(pid)) return 0;
  const std::int32_t owner = owner_at(pid, address, kind, op);
  if (owner <= 0) return 0;
  // It takes two equal looks: the owner is written after the word, so one look may see half.
  if (owner_at(pid, address, kind, op) != owner) return 0;
  std::int32_t tid = thread_named(pid, owner);
  if (tid == 0 && (op & kOpPrivate) == 0) tid = thread_named_beside(pid, owner);
  return static_cast<std::uint32_t>(tid);
}

}  // namespace cw
