// The clock of all snapshots: CLOCK_MONOTONIC, which is also that of bpf_ktime_get_ns().
#pragma once

#include <cerrno>
#include <cstdint>
#include <ctime>

namespace cw {

inline std::uint64_t monotonic_ns() {
  timespec now{};
  static_cast<void>(clock_gettime(CLOCK_MONOTONIC, &now));  // cannot fail for this clock
  return (static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U) +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Of this thread, until that moment.
inline void sleep_until(std::uint64_t time_ns) {
  timespec time{};
  time.tv_sec = static_cast<time_t>(time_ns / 1'000'000'000U);
  time.tv_nsec = static_cast<long>(time_ns % 1'000'000'000U);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
  }
}

}  // namespace cw
