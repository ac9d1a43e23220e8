#include "app/activity.h"

#include <utility>

namespace cw {

void Activity::update(const std::unordered_map<std::int32_t, ProcessTimes>& times) {
  ++updates_;
  std::unordered_map<std::int32_t, Process> processes;
  processes.reserve(times.size());
  for (const auto& [pid, now] : times) {
    const auto known = processes_.find(pid);
    // A thread's time is brought up to date when it leaves its CPU, or at a tick.
    const bool rested = known != processes_.end() && known->second.times == now && !now.runnable;
    processes.emplace(pid, Process{.times = now, .ran = rested ? known->second.ran : updates_});
  }
  processes_ = std::move(processes);
}

std::optional<ProcessTimes> Activity::times(std::int32_t pid) const {
  const auto found = processes_.find(pid);
  return found == processes_.end() ? std::nullopt : std::optional(found->second.times);
}

std::uint64_t Activity::ran(std::int32_t pid) const {
  const auto found = processes_.find(pid);
  return found == processes_.end() ? 0 : found->second.ran;
}

}  // namespace cw
