// What is known of one watched process at one moment. Cumulative where it can be.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cw {

struct ProcessSample {
  std::int32_t pid = 0;
  std::string comm;
  std::string exe;                 // readlink of /proc/PID/exe, " (deleted)" taken off
  std::string cgroup;              // path in the unified hierarchy, else in the first one listed
  std::uint64_t threads = 0;       // alive now
  std::uint64_t cpu_ns = 0;        // user and system, of all threads alive
  std::uint64_t run_delay_ns = 0;  // time runnable but not running, likewise
  std::vector<std::string>
      runtimes;  // "C++", "Rust", "Go", "JVM", "CPython", "glibc 2.36", "musl"...
  std::vector<std::string>
      allocators;  // "jemalloc", "mimalloc", "tcmalloc", "glibc 2.36"; may be empty
  // Threads found asleep in each system call, summed over `looks` looks in the interval.
  std::map<std::string, std::uint64_t> asleep_in;
  std::uint64_t looks = 0;
};

}  // namespace cw
