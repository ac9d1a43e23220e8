#include "app/watched_processes.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/sleepers.h"
#include "process/proc.h"

namespace cw {
namespace {

// A family that forks while it is counted is counted again, but not for ever.
constexpr int kMostRounds = 8;

}  // namespace

Result<void> WatchedProcesses::watch(std::int32_t pid) {
  return probes_->watch(pid, comm_of(pid));
}

Result<void> WatchedProcesses::watch_named() {
  if (!selection_.can_end()) return {};
  for (const std::int32_t pid : selection_.named())
    if (auto watched = watch(pid); !watched) return watched;
  return {};
}

// Children born from now on are followed by the hooks; those born before are looked for until no
// new ones turn up. Where processes are chosen by what they are called, everybody else who is here
// already is told apart now, and need not be counted until he is.
Result<void> WatchedProcesses::begin() {
  for (int round = 0; round < kMostRounds; round++) {
    std::map<std::int32_t, KnownProcess> known;
    const auto processes = probes_->processes();
    if (!processes) return std::unexpected(processes.error());
    for (const KnownProcess& process : *processes) known[process.pid] = process;
    bool any_new = false;
    for (const std::int32_t pid : selection_.members()) {
      const auto found = known.find(pid);
      if (found != known.end() && found->second.watched == Watched::kYes) continue;
      any_new = true;
      if (found != known.end()) {
        probes_->decide(found->second, true);
      } else if (auto watched = watch(pid); !watched) {
        return watched;
      }
    }
    if (!any_new) break;
  }
  if (auto ended = forget_ended(); !ended) return ended;
  if (selection_.newcomers() == Watched::kUndecided)
    for (const std::int32_t pid : all_pids()) probes_->dismiss(pid);
  if (selection_.is_whole_machine())
    for (const std::int32_t pid : all_pids())
      if (auto done = welcome(pid); !done) return done;
  auto done = refresh();
  begun_ = done.has_value();
  return done;
}

// One that ended after it was named and before the hooks were there: no hook will tell.
Result<void> WatchedProcesses::forget_ended() {
  const auto processes = probes_->processes();
  if (!processes) return std::unexpected(processes.error());
  for (const KnownProcess& process : *processes)
    if (process.watched == Watched::kYes && state_of(process.pid) != ProcessState::kAlive)
      probes_->decide(process, false);
  return {};
}

Result<void> WatchedProcesses::refresh() {
  const auto processes = probes_->processes();
  if (!processes) return std::unexpected(processes.error());
  now_.clear();
  for (KnownProcess process : *processes) {
    if (process.watched == Watched::kUndecided) {
      const bool belongs = selection_.includes(process.pid);
      if (!probes_->decide(process, belongs)) continue;  // renamed or gone: asked again
      process.watched = belongs ? Watched::kYes : Watched::kNo;
    }
    if (process.watched == Watched::kYes) now_.push_back(process);
  }
  std::ranges::sort(now_, {}, &KnownProcess::pid);
  for (const std::int32_t pid : selection_.candidates()) {
    if (std::ranges::binary_search(now_, pid, {}, &KnownProcess::pid) ||
        !selection_.includes(pid) || state_of(pid) != ProcessState::kAlive)
      continue;
    if (auto watched = watch(pid); !watched) return watched;  // found in the map next time
  }
  std::map<std::int32_t, std::uint32_t> welcomed;
  for (const KnownProcess& process : now_) {
    welcomed[process.pid] = process.generation;
    const auto known = welcomed_.find(process.pid);
    if (known != welcomed_.end() && known->second == process.generation) continue;
    if (auto done = welcome(process.pid); !done) return done;
  }
  welcomed_ = std::move(welcomed);
  return {};
}

// It may have waited, or made calls that only the hooks for 32-bit callers see, before it came.
// Once we have begun, the rights to load these are gone.
Result<void> WatchedProcesses::welcome(std::int32_t pid) {
  const bool needs_compat = is_32bit(pid) && not_seen_.empty();
  auto attached = needs_compat ? probes_->attach_compat() : Result<void>{};
  seed_waits(*probes_, pid, *files_);
  if (attached || !begun_) return attached;
  not_seen_ = fmt::format(
      "calls of 32-bit programs: pid {} became one after the start; watch it anew", pid);
  return {};
}

bool WatchedProcesses::belongs(const Image& image) const {
  if (image.ended_ns == 0) return selection_.includes(image.pid);
  return selection_.included(image.comm).value_or(false);
}

}  // namespace cw
