// What the owner was seen doing while it had the lock. The evidence are looks: at the lock's
// memory, at the thread that it names, and at the memory again.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "analysis/patterns/families.h"
#include "output/format.h"

namespace cw::patterns {
namespace {

constexpr std::uint64_t kFewestOwned = 4;  // looks in which somebody had it
constexpr double kOften = 0.3;             // of those
// Who waits for a lock that another takes again and again is awake, and loses, for most of its
// wait.
constexpr double kOftenWaiting = 0.15;

constexpr auto kSleeps = std::to_array<std::string_view>({"nanosleep", "clock_nanosleep", "pause"});
constexpr auto kInputOutput = std::to_array<std::string_view>({"read",
                                                               "write",
                                                               "readv",
                                                               "writev",
                                                               "pread64",
                                                               "pwrite64",
                                                               "preadv",
                                                               "pwritev",
                                                               "preadv2",
                                                               "pwritev2",
                                                               "fsync",
                                                               "fdatasync",
                                                               "sync_file_range",
                                                               "sendto",
                                                               "sendmsg",
                                                               "sendmmsg",
                                                               "recvfrom",
                                                               "recvmsg",
                                                               "recvmmsg",
                                                               "sendfile",
                                                               "splice",
                                                               "connect",
                                                               "accept",
                                                               "accept4",
                                                               "poll",
                                                               "ppoll",
                                                               "select",
                                                               "pselect6",
                                                               "epoll_wait",
                                                               "epoll_pwait",
                                                               "openat",
                                                               "open",
                                                               "close",
                                                               "unlink",
                                                               "unlinkat",
                                                               "rename",
                                                               "renameat2",
                                                               "fallocate",
                                                               "ftruncate",
                                                               "io_getevents",
                                                               "io_uring_enter",
                                                               "msync",
                                                               "flock"});
constexpr auto kMemory =
    std::to_array<std::string_view>({"mmap", "munmap", "mremap", "brk", "madvise", "mprotect"});

struct Asleep {
  std::uint64_t times = 0;
  std::string_view most;  // the call that it slept in most
};

Asleep asleep_in(const OwnerLooks& looks, std::span<const std::string_view> calls) {
  Asleep asleep;
  for (const auto& [call, times] : looks.asleep_in) {
    if (std::ranges::find(calls, call) == calls.end()) continue;
    if (asleep.times == 0) asleep.most = call;  // most often first
    asleep.times += times;
  }
  return asleep;
}

bool is_often(std::uint64_t times, const OwnerLooks& looks, double often = kOften) {
  return looks.owned >= kFewestOwned &&
         static_cast<double>(times) >= often * static_cast<double>(looks.owned);
}

std::string seen(std::uint64_t times, const OwnerLooks& looks) {
  return fmt::format("in {} of {} in which a thread had it", format_count(times),
                     format_plural(looks.owned, "look"));
}

Found asleep_with_it(const LockReport& lock, std::span<const std::string_view> calls,
                     const char* name, const char* cure) {
  if (!lock.owner_looks) return std::nullopt;
  const Asleep asleep = asleep_in(*lock.owner_looks, calls);
  if (!is_often(asleep.times, *lock.owner_looks)) return std::nullopt;
  return Pattern{.name = name,
                 .evidence = fmt::format("{}, it slept in {}: {}",
                                         seen(asleep.times, *lock.owner_looks), asleep.most, cure)};
}

std::uint64_t waits_for(const OwnerLooks& looks, bool allocator) {
  std::uint64_t times = 0;
  for (const OwnerLooks::WaitsFor& other : looks.waits_for)
    if ((other.kind == LockKind::kAllocator) == allocator) times += other.looks;
  return times;
}

}  // namespace

Found held_across_sleep(const LockReport& lock, const Report& /*report*/) {
  return asleep_with_it(lock, kSleeps, "held_across_sleep", "let go before sleeping");
}

Found held_across_io(const LockReport& lock, const Report& /*report*/) {
  return asleep_with_it(lock, kInputOutput, "held_across_io",
                        "prepare under the lock, do the I/O without it");
}

Found held_across_allocation(const LockReport& lock, const Report& report) {
  if (!lock.owner_looks || lock.kind == LockKind::kAllocator) return std::nullopt;
  const std::uint64_t arena = waits_for(*lock.owner_looks, true);
  if (is_often(arena, *lock.owner_looks, kOftenWaiting))
    return Pattern{
        .name = "held_across_allocation",
        .evidence = fmt::format("{}, it waited for the allocator's own lock: who waits for the one "
                                "waits for the other, too; allocate before taking it",
                                seen(arena, *lock.owner_looks))};
  static_cast<void>(report);
  return asleep_with_it(lock, kMemory, "held_across_allocation",
                        "take and give back memory outside the lock");
}

Found held_while_waiting(const LockReport& lock, const Report& /*report*/) {
  if (!lock.owner_looks) return std::nullopt;
  const OwnerLooks& looks = *lock.owner_looks;
  const auto most = std::ranges::max_element(looks.waits_for, {}, &OwnerLooks::WaitsFor::looks);
  if (most == looks.waits_for.end() || most->kind == LockKind::kAllocator) return std::nullopt;
  if (!is_often(most->looks, looks, kOftenWaiting)) return std::nullopt;
  return Pattern{
      .name = "held_while_waiting",
      .evidence = fmt::format("{}, it waited for {} {}: look there first", seen(most->looks, looks),
                              name_of(most->kind), most->name)};
}

}  // namespace cw::patterns
