#include "app/owner_looks.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "model/snapshot.h"
#include "process/owner.h"
#include "process/proc.h"
#include "process/sleep_sampler.h"
#include "process/waiting_threads.h"

namespace cw {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLocks = 3;
constexpr std::uint64_t kLooks = 20;
// So long that they do not all meet one and the same critical section of some milliseconds.
constexpr auto kMeanGap = std::chrono::milliseconds(4);
constexpr auto kLongest = std::chrono::milliseconds(150);  // all together: /proc of a giant is slow
// Bytes of a lock's memory from its address on, in which the word lies that its waiters sleep on.
constexpr std::uint64_t kLockBytes = 56;

// The operations by which glibc waits for them: its rwlocks are told by the clock.
std::uint16_t operation_of(LockKind kind) {
  constexpr std::uint16_t kWait = 0;
  constexpr std::uint16_t kWaitBitset = 9;
  return kind == LockKind::kRwlock ? kWaitBitset | kOpPrivate | kOpRealtime : kWait | kOpPrivate;
}

struct Looked {
  LockReport* lock = nullptr;
  std::int32_t pid = 0;
  OwnerLooks looks;
  std::map<std::string, std::uint64_t> asleep_in;
};

std::vector<Looked> worth_a_look(Report& report) {
  std::vector<Looked> found;
  for (LockReport& lock : report.locks) {
    if (found.size() == kLocks) break;
    const bool tells =
        (lock.kind == LockKind::kMutex || lock.kind == LockKind::kRwlock) && !lock.goroutines;
    if (lock.level == Level::kFine || !tells || lock.per_waiter_words || lock.objects > 1) continue;
    if (lock.address == 0 || lock.pids.size() != 1) continue;
    found.push_back({.lock = &lock, .pid = lock.pids.front(), .looks = {}, .asleep_in = {}});
  }
  return found;
}

// The lock of the report whose memory a word of this process lies in; null: none of them.
const LockReport* lock_at(const Report& report, std::int32_t pid, std::uint64_t word) {
  const auto found = std::ranges::find_if(report.locks, [&](const LockReport& lock) {
    return lock.pids == std::vector<std::int32_t>{pid} && lock.address != 0 &&
           word >= lock.address && word - lock.address < kLockBytes;
  });
  return found == report.locks.end() ? nullptr : &*found;
}

void add_wait(const LockReport& other, std::vector<OwnerLooks::WaitsFor>& waits) {
  auto known = std::ranges::find(waits, other.name, &OwnerLooks::WaitsFor::name);
  if (known == waits.end())
    known = waits.insert(waits.end(), {.kind = other.kind, .name = other.name, .looks = 0});
  ++known->looks;
}

// Empty: it is gone.
std::optional<std::uint64_t> cpu_ns_used(std::int32_t pid, std::int32_t tid) {
  const auto times = thread_times_of(pid, tid);
  return times ? std::optional(times->cpu_ns) : std::nullopt;
}

// Only what was so while the same thread was the owner counts. That it was before and after is not
// enough: where we lack a CPU it may have let go, slept, and taken the lock again in between. One
// that slept and used no CPU from then on has it asleep, if it has it.
void look(const Report& report, Looked& looked) {
  const LockReport& lock = *looked.lock;
  const std::uint16_t op = operation_of(lock.kind);
  ++looked.looks.looks;
  const std::uint32_t owner = lock_owner(looked.pid, lock.address, lock.kind, op);
  if (owner == 0) return;
  const auto tid = static_cast<std::int32_t>(owner);
  const auto used = cpu_ns_used(looked.pid, tid);
  const auto call = blocked_call(looked.pid, tid);
  const auto wait = call ? only_wait(looked.pid, *call) : std::nullopt;
  if (lock_owner(looked.pid, lock.address, lock.kind, op) != owner) return;
  if (call && cpu_ns_used(looked.pid, tid) != used) return;
  ++looked.looks.owned;
  if (!call) return;
  ++looked.asleep_in[syscall_name(call->number, false)];
  const LockReport* other = wait ? lock_at(report, looked.pid, wait->address) : nullptr;
  if (other != nullptr && other != &lock) add_wait(*other, looked.looks.waits_for);
}

void keep(Looked& looked) {
  OwnerLooks& looks = looked.looks;
  if (looks.owned == 0) return;
  looks.asleep_in.assign(looked.asleep_in.begin(), looked.asleep_in.end());
  std::ranges::sort(looks.asleep_in, std::ranges::greater{},
                    [](const auto& entry) { return std::pair(entry.second, entry.first); });
  looked.lock->owner_looks = std::move(looks);
}

}  // namespace

void look_at_owners(Report& report) {
  std::vector<Looked> locks = worth_a_look(report);
  if (locks.empty()) return;
  // At random, so that nothing periodic is met in step.
  static thread_local std::minstd_rand random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp)
  std::exponential_distribution<double> gap(1.0 / std::chrono::duration<double>(kMeanGap).count());
  const auto end = Clock::now() + kLongest;
  for (std::uint64_t round = 0; round < kLooks && Clock::now() < end; ++round) {
    std::this_thread::sleep_for(std::chrono::duration<double>(gap(random)));
    for (Looked& looked : locks) look(report, looked);
  }
  for (Looked& looked : locks) keep(looked);
}

}  // namespace cw
