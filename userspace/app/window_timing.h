// What windows in which a process is probed have in common: they open at a random time and close
// when they have to.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <ranges>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "model/alloc_snapshot.h"
#include "model/clock.h"
#include "model/error.h"
#include "probes/armed_probes.h"

namespace cw {

// From attaching to a window's opening: what attaching kept threads from is made up for then.
std::uint64_t lead_before(std::uint64_t length_ns);

// The first attaching after a while waits for all CPUs to have passed a quiet moment, which the
// kernel notes at a tick of the clock: windows would all open in step with it, and so with programs
// that are paced by the clock. For some milliseconds then, attaching and detaching need not wait
// (rcu_sync_enter(), kernel/rcu/sync.c, by percpu_down_write() in register_for_each_vma(),
// kernel/events/uprobes.c). So ourselves are probed first, and a random part of a tick later, which
// is what this waits for, comes the process; nor does it have to wait for its probes to go.
void sleep_part_of_a_tick(std::mt19937_64& random);

// Of the calling thread, while it has all rights: it will be woken in time, because a window that
// closes late is paid by the process all the while. Gives up its rights but for those of
// drop_rights() and `also`; false: it could not.
bool become_window_thread(const char* name, std::optional<int> also = std::nullopt);

// Waits, for a thread that opens windows; false when it is to end. `changed`: there may be
// something else to do.
bool pause_until(std::mutex& mutex, std::condition_variable_any& changed,
                 const std::stop_token& stop, std::uint64_t time_ns);

// Sleeps until a window closes. True when it is to be closed early: much more passed than was
// expected, by `hits()`; the rate has surged.
template <typename Hits>
bool surges_before(std::uint64_t close_ns, std::uint64_t most_hits, const Hits& hits) {
  constexpr std::uint64_t kCheckNs = 2'000'000;  // how often a long window is looked after
  for (std::uint64_t now = monotonic_ns(); now < close_ns; now = monotonic_ns()) {
    sleep_until(std::min(close_ns, now + kCheckNs));
    if (hits() > most_hits) return true;
  }
  return false;
}

// See sleep_part_of_a_tick(). `ours`: probes on ourselves; none: nothing is done. What comes back
// is to be held until the process's probes are gone.
template <typename Probes, typename Probe>
ArmedProbes get_out_of_step(const Probes& probes, const std::vector<Probe>& ours,
                            std::mt19937_64& random) {
  ArmedProbes held;
  if (ours.empty()) return held;
  if (auto armed = probes.arm(getpid(), ours)) held = std::move(*armed);
  sleep_part_of_a_tick(random);
  return held;
}

inline constexpr std::size_t kTakeTurns = 4;                  // processes that are watched by turns
inline constexpr std::uint64_t kTryAgainNs = 30'000'000'000;  // after windows were given up
inline constexpr std::uint64_t kWindowsKeptNs = 30'000'000'000;  // older ones tell of another time

// Those since then; of each set where they are too few, as many older ones as it takes.
template <typename Window>
std::vector<Window> enough_of(const std::deque<Window>& windows, std::uint64_t since_ns) {
  constexpr std::size_t kEnough = 16;
  std::array<std::size_t, kProbeSets> count{};
  std::vector<Window> chosen;
  for (const Window& window : windows | std::views::reverse) {
    std::size_t& of_set = count.at(static_cast<std::size_t>(window.set));
    if (window.open_ns < since_ns && of_set >= kEnough) continue;
    ++of_set;
    chosen.push_back(window);
  }
  std::ranges::reverse(chosen);
  return chosen;
}

// Why there was no window; that a process ended is said elsewhere.
inline std::string remark_on(const Error& error) {
  return error.exit == Exit::kNoProcess ? std::string() : error.message;
}

// Moves what is in `before` and not in `now` to `unreported`, of which the last ones are kept.
template <typename Watch>
void keep_unreported(const std::vector<Watch>& before, const std::vector<Watch>& now,
                     std::vector<Watch>& unreported) {
  constexpr std::size_t kMost = 16;
  for (const Watch& watch : before)
    if (std::ranges::find(now, watch) == now.end()) unreported.push_back(watch);
  if (unreported.size() > kMost)
    unreported.erase(unreported.begin(), unreported.end() - static_cast<std::ptrdiff_t>(kMost));
}

}  // namespace cw
