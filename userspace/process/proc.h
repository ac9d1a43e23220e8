// What /proc says of a process: proc(5), proc_pid_stat(5), Documentation/filesystems/proc.rst.
// Every function tells a process that is gone by an empty result, never by an error: processes
// may end at any moment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cw {

enum class ProcessState : std::uint8_t { kAlive, kZombie, kKernelThread, kGone };

// A process whose first thread has ended while others live counts as alive.
ProcessState state_of(std::int32_t pid);

// The process that a thread belongs to (Tgid in /proc/TID/status): /proc answers to thread ids too.
// Empty when there is no such thread.
std::optional<std::int32_t> process_of_thread(std::int32_t tid);

// As the process set it: may hold any byte but NUL, newlines and parentheses included.
std::string comm_of(std::int32_t pid);
std::string thread_comm_of(std::int32_t pid, std::int32_t tid);

// Where the program's file was; " (deleted)" taken off. Empty for kernel threads and without
// rights.
std::string exe_of(std::int32_t pid);

std::vector<std::int32_t> tids_of(std::int32_t pid);

// Children, their children and so on, of any of these processes. One look at every process of the
// machine: a child born meanwhile may be missing.
std::vector<std::int32_t> descendants_of(const std::vector<std::int32_t>& pids);

// All processes of the machine, kernel threads included.
std::vector<std::int32_t> all_pids();

// When the process started, in clock ticks since boot: with the pid, its identity.
std::optional<std::uint64_t> start_ticks_of(std::int32_t pid);
std::optional<std::uint64_t> thread_start_ticks_of(std::int32_t pid, std::int32_t tid);

struct ThreadTimes {
  std::uint64_t cpu_ns = 0;  // on a CPU, user and system
  std::uint64_t run_delay_ns =
      0;  // runnable, waiting for a CPU; 0 where the kernel does not count it
};
// From schedstat (Documentation/scheduler/sched-stats.rst), else utime + stime at tick precision.
std::optional<ThreadTimes> thread_times_of(std::int32_t pid, std::int32_t tid);

// How often the thread gave up its CPU to sleep.
std::optional<std::uint64_t> voluntary_switches_of(std::int32_t pid, std::int32_t tid);

// The thread's ids in its pid namespaces, from ours to the innermost (pid_namespaces(7)).
std::vector<std::int32_t> namespace_ids_of(std::int32_t pid, std::int32_t tid);

// Whether the program is a 32-bit ELF file: its system calls have other numbers.
bool is_32bit(std::int32_t pid);

}  // namespace cw
