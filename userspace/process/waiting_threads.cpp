#include "process/waiting_threads.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "model/snapshot.h"
#include "process/proc.h"
#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

// Numbers of the calls in one ABI. futex_waitv and futex_wait have the same number in all.
struct FutexNumbers {
  std::int64_t futex;
  std::int64_t futex_time64;  // -1: the ABI has none
  std::int64_t restart;
};
constexpr FutexNumbers kNative{
    .futex = SYS_futex, .futex_time64 = -1, .restart = SYS_restart_syscall};
constexpr FutexNumbers k32bit{.futex = 240, .futex_time64 = 422, .restart = 0};  // i386, 32-bit arm
constexpr std::int64_t kFutexWaitv = 449;
constexpr std::int64_t kFutexWait = 455;
constexpr std::uint64_t kMaxWaitv = 128;  // FUTEX_WAITV_MAX

const FutexNumbers& numbers_for(bool with_32bit_numbers) {
  return with_32bit_numbers ? k32bit : kNative;
}

// `tasks`: see open_tasks().
std::optional<BlockedCall> call_in(int tasks, std::int32_t tid) {
  std::array<char, 48> path{};
  static_cast<void>(std::snprintf(path.data(), path.size(), "%d/syscall", tid));
  std::array<char, 256> buffer{};
  return parse_blocked_call(tid, read_small(tasks, path.data(), buffer));
}

// A restarted call keeps the argument registers of the first try, but says only "restart":
// where it sleeps tells futex from nanosleep and poll.
bool sleeps_in_futex(std::int32_t pid, std::int32_t tid) {
  const Fd process = open_process(pid);
  std::array<char, 48> path{};
  static_cast<void>(std::snprintf(path.data(), path.size(), "task/%d/wchan", tid));
  std::array<char, 128> buffer{};
  return process &&
         read_small(process.get(), path.data(), buffer).find("futex") != std::string_view::npos;
}

bool waits(std::uint64_t op) {
  switch (op & kOpCommand) {
    case FUTEX_WAIT:
    case FUTEX_LOCK_PI:
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_LOCK_PI2:
      return true;
    default:
      return false;
  }
}

// struct futex_waitv of <linux/futex.h>, which older headers lack.
struct WaitvEntry {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;
  std::uint32_t reserved;
};
static_assert(sizeof(WaitvEntry) == 24);

void add_waitv(std::int32_t pid, const BlockedCall& call, std::vector<FutexWait>& found) {
  std::array<WaitvEntry, kMaxWaitv> entries{};
  const std::uint64_t count = std::min(call.args[1], kMaxWaitv);
  const iovec ours{.iov_base = entries.data(), .iov_len = count * sizeof(WaitvEntry)};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
  const iovec theirs{.iov_base = reinterpret_cast<void*>(call.args[0]), .iov_len = ours.iov_len};
  const ssize_t got = ::process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
  if (got != static_cast<ssize_t>(ours.iov_len)) return;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto op = static_cast<std::uint16_t>(kOpWaitv | (entries.at(i).flags & kOpPrivate));
    found.push_back({.tid = call.tid,
                     .address = entries.at(i).address,
                     .op = op,
                     .value = static_cast<std::uint32_t>(entries.at(i).value),
                     .sp = call.sp,
                     .pc = call.pc});
  }
}

void add_waits(std::int32_t pid, const BlockedCall& call, bool with_32bit_numbers,
               std::vector<FutexWait>& found) {
  if (!is_futex_call(pid, call, with_32bit_numbers)) return;
  if (call.number == kFutexWaitv) {
    add_waitv(pid, call, found);
    return;
  }
  FutexWait wait{.tid = call.tid, .address = call.args[0], .sp = call.sp, .pc = call.pc};
  if (call.number == kFutexWait) {  // (uaddr, val, mask, flags, ...); FUTEX2_PRIVATE is 0x80 too
    wait.op = static_cast<std::uint16_t>(kOpWait2 | (call.args[3] & kOpPrivate));
    wait.value = static_cast<std::uint32_t>(call.args[1]);
  } else {
    if (!waits(call.args[1])) return;
    wait.op = static_cast<std::uint16_t>(call.args[1]);
    wait.value = static_cast<std::uint32_t>(call.args[2]);
  }
  found.push_back(wait);
}

}  // namespace

std::optional<BlockedCall> parse_blocked_call(std::int32_t tid, std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  const auto number = number_of<std::int64_t>(take_word(line));
  if (!number) return std::nullopt;  // "running"
  BlockedCall call{.tid = tid, .number = *number};
  if (*number >= 0) {
    for (std::uint64_t& arg : call.args) {
      const auto value = number_of<std::uint64_t>(take_word(line), 16);
      if (!value) return std::nullopt;
      arg = *value;
    }
  }
  const auto sp = number_of<std::uint64_t>(take_word(line), 16);
  const auto pc = number_of<std::uint64_t>(take_word(line), 16);
  if (!sp || !pc) return std::nullopt;
  call.sp = *sp;
  call.pc = *pc;
  return call;
}

std::optional<BlockedCall> blocked_call(std::int32_t pid, std::int32_t tid) {
  const Fd tasks = open_tasks(open_process(pid));
  return tasks ? call_in(tasks.get(), tid) : std::nullopt;
}

std::vector<BlockedCall> blocked_calls(std::int32_t pid) {
  std::vector<BlockedCall> calls;
  const Fd tasks = open_tasks(open_process(pid));
  if (!tasks) return calls;
  for (const std::int32_t tid : numbers_in(tasks.get(), ".", kMaxTasks)) {
    if (const auto call = call_in(tasks.get(), tid)) calls.push_back(*call);
  }
  return calls;
}

bool is_futex_call(std::int32_t pid, const BlockedCall& call, bool with_32bit_numbers) {
  const FutexNumbers& numbers = numbers_for(with_32bit_numbers);
  if (call.number == numbers.restart) return sleeps_in_futex(pid, call.tid);
  return call.number == kFutexWaitv || call.number == kFutexWait || call.number == numbers.futex ||
         (numbers.futex_time64 >= 0 && call.number == numbers.futex_time64);
}

std::optional<FutexWait> only_wait(std::int32_t pid, const BlockedCall& call) {
  std::vector<FutexWait> waits;
  add_waits(pid, call, is_32bit(pid), waits);
  if (waits.size() != 1) return std::nullopt;
  return waits.front();
}

std::optional<FutexSleep> futex_sleep(std::int32_t pid, std::int32_t tid) {
  const auto switches = voluntary_switches_of(pid, tid);
  const auto call = blocked_call(pid, tid);
  const auto wait = call ? only_wait(pid, *call) : std::nullopt;
  if (!switches || !wait) return std::nullopt;
  const bool is_wait2 = (wait->op & kOpCommand) == kOpWait2;
  return FutexSleep{.address = wait->address,
                    .switches = *switches,
                    .with_timeout = call->args.at(is_wait2 ? 4 : 3) != 0};
}

std::vector<FutexWait> futex_waits(std::int32_t pid) {
  std::vector<FutexWait> found;
  const bool with_32bit_numbers = is_32bit(pid);
  for (const BlockedCall& call : blocked_calls(pid))
    add_waits(pid, call, with_32bit_numbers, found);
  return found;
}

}  // namespace cw
