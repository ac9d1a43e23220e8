// What threads already wait for: /proc/PID/task/TID/syscall (proc(5)). Hooks do not see calls that
// began before they were attached; this does. Reading neither stops nor wakes the thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace cw {

// A thread that sleeps in the kernel.
struct BlockedCall {
  std::int32_t tid = 0;
  std::int64_t number = -1;  // of the system call in the target's ABI; -1: asleep outside of any
  std::array<std::uint64_t, 6> args{};
  std::uint64_t sp = 0;  // user stack pointer
  std::uint64_t pc = 0;  // user instruction after the call
};

// A line of that file; empty for "running" and for what is not understood.
std::optional<BlockedCall> parse_blocked_call(std::int32_t tid, std::string_view line);

// Empty when the thread is on a CPU or waits for one, is gone, or may not be looked at.
std::optional<BlockedCall> blocked_call(std::int32_t pid, std::int32_t tid);
std::vector<BlockedCall> blocked_calls(std::int32_t pid);

// Whether the call is one of the futex family that waits: futex, futex_waitv, futex_wait, and a
// restart of one after a signal. `with_32bit_numbers`: see is_32bit().
bool is_futex_call(std::int32_t pid, const BlockedCall& call, bool with_32bit_numbers);

// One word that a thread waits on.
struct FutexWait {
  std::int32_t tid = 0;
  std::uint64_t address = 0;  // of the word
  std::uint16_t op = 0;       // as in model/snapshot.h, kOpWaitv and kOpWait2 included
  std::uint32_t value = 0;    // that the caller expected
  std::uint64_t sp = 0;
  std::uint64_t pc = 0;
};

// What the call waits for. Empty when it waits on no word, or on several.
std::optional<FutexWait> only_wait(std::int32_t pid, const BlockedCall& call);

// What one thread waits for. The same twice means that it did not wake in between: then everything
// read meanwhile was so while it waited.
struct FutexSleep {
  std::uint64_t address = 0;   // of the word
  std::uint64_t switches = 0;  // how often the thread has gone to sleep
  bool with_timeout = false;

  bool operator==(const FutexSleep&) const = default;
};
// Empty when it waits for no single word. Reads /proc/PID/task/TID/status beside what is above.
std::optional<FutexSleep> futex_sleep(std::int32_t pid, std::int32_t tid);

// All words that threads of the process wait on now. A futex_waitv call yields one a word.
std::vector<FutexWait> futex_waits(std::int32_t pid);

}  // namespace cw
