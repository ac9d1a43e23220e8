#include "app/window_timing.h"

#include <sched.h>
#include <sys/prctl.h>

#include <chrono>
#include <ctime>

#include "app/rights.h"

namespace cw {

std::uint64_t lead_before(std::uint64_t length_ns) {
  constexpr std::uint64_t kShortestNs = 20'000;
  constexpr std::uint64_t kLongestNs = 600'000;
  return std::clamp(length_ns / 8, kShortestNs, kLongestNs);
}

void sleep_part_of_a_tick(std::mt19937_64& random) {
  timespec tick{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0) return;
  std::uniform_int_distribution<long> within(0, tick.tv_nsec);
  sleep_until(monotonic_ns() + static_cast<std::uint64_t>(within(random)));
}

bool pause_until(std::mutex& mutex, std::condition_variable_any& changed,
                 const std::stop_token& stop, std::uint64_t time_ns) {
  std::unique_lock lock(mutex);
  const std::uint64_t now = monotonic_ns();
  if (time_ns > now)
    changed.wait_for(lock, stop, std::chrono::nanoseconds(time_ns - now), [] { return false; });
  return !stop.stop_requested();
}

bool become_window_thread(const char* name, std::optional<int> also) {
  prctl(PR_SET_TIMERSLACK, 1);
  const sched_param lowest{.sched_priority = 1};
  static_cast<void>(sched_setscheduler(0, SCHED_RR, &lowest));
  // Rights are each thread's own.
  if (!drop_rights(also)) return false;
  prctl(PR_SET_NAME, name);
  return true;
}

}  // namespace cw
