#include "process/owner.h"

#include <linux/futex.h>
#include <sys/uio.h>

#include <algorithm>
#include <optional>

#include "model/snapshot.h"
#include "process/proc.h"

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

std::optional<GlibcMutex> read_mutex(std::int32_t pid, std::uint64_t address) {
  GlibcMutex mutex{};
  const iovec ours{.iov_base = &mutex, .iov_len = sizeof mutex};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
  const iovec theirs{.iov_base = reinterpret_cast<void*>(address), .iov_len = sizeof mutex};
  if (::process_vm_readv(pid, &ours, 1, &theirs, 1, 0) != sizeof mutex) return std::nullopt;
  return mutex;
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

// From the process's innermost pid namespace to ours; 0 when it has no such thread.
std::int32_t thread_named(std::int32_t pid, std::int32_t inner) {
  if (inner <= 0) return 0;
  const auto tids = tids_of(pid);
  if (namespace_ids_of(pid, pid).size() <= 1)
    return std::ranges::find(tids, inner) == tids.end() ? 0 : inner;
  for (const std::int32_t tid : tids) {
    const auto ids = namespace_ids_of(pid, tid);
    if (!ids.empty() && ids.back() == inner) return tid;
  }
  return 0;
}

}  // namespace

std::uint32_t lock_owner(std::int32_t pid, std::uint64_t address, LockKind kind, std::uint16_t op) {
  if (kind != LockKind::kMutex && kind != LockKind::kUnknown) return 0;
  if (is_32bit(pid)) return 0;
  const auto first = read_mutex(pid, address);
  if (!first) return 0;
  const std::int32_t owner = owner_in(*first, op);
  if (owner == 0) return 0;
  // It takes two equal looks: the owner is written after the word, so one look may see half.
  const auto second = read_mutex(pid, address);
  if (!second || owner_in(*second, op) != owner) return 0;
  return static_cast<std::uint32_t>(thread_named(pid, owner));
}

}  // namespace cw
