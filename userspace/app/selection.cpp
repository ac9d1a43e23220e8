#include "app/selection.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>

#include "process/proc.h"
#include "process/target.h"

namespace cw {
namespace {

constexpr std::size_t kLongestComm = 15;  // TASK_COMM_LEN less the end

// The kernel cuts names off; a name written out in full is cut likewise.
bool fits(const std::string& glob, const std::string& comm) {
  const bool is_plain = glob.find_first_of("*?[\\") == std::string::npos;
  return fnmatch((is_plain ? glob.substr(0, kLongestComm) : glob).c_str(), comm.c_str(), 0) == 0;
}

}  // namespace

Result<Selection> Selection::from(const Settings& settings) {
  Selection selection;
  for (const std::int32_t pid : settings.pids)
    if (auto alive = check_target(pid); !alive) return std::unexpected(alive.error());
  selection.pids_ = settings.pids;
  selection.children_ = settings.children;
  selection.comm_ = settings.comm;
  if (!settings.cgroup.empty()) {
    selection.group_ = find_control_group(settings.cgroup);
    if (!selection.group_)
      return fail(Exit::kNoProcess,
                  fmt::format("--cgroup {}: no such control group, neither as a directory below "
                              "/sys/fs/cgroup nor as a path in /proc/PID/cgroup",
                              settings.cgroup));
  }
  return selection;
}

Watched Selection::newcomers() const {
  if (by_property()) return Watched::kUndecided;
  return is_whole_machine() ? Watched::kYes : Watched::kNo;
}

std::vector<std::int32_t> Selection::members() const {
  std::vector<std::int32_t> pids = pids_;
  if (children_) {
    const auto descendants = descendants_of(pids_);
    pids.insert(pids.end(), descendants.begin(), descendants.end());
  }
  if (by_property()) {
    pids = group_ ? members_of(*group_) : all_pids();
    std::erase_if(pids, [&](std::int32_t pid) {
      return pid == getpid() || !has_name(pid) || state_of(pid) != ProcessState::kAlive;
    });
  }
  return pids;
}

std::vector<std::int32_t> Selection::candidates() const {
  return group_ ? members_of(*group_) : std::vector<std::int32_t>{};
}

bool Selection::has_name(std::int32_t pid) const {
  return comm_.empty() || fits(comm_, comm_of(pid));
}

bool Selection::includes(std::int32_t pid) const {
  if (!by_property()) return is_whole_machine() || std::ranges::find(pids_, pid) != pids_.end();
  return pid != getpid() && has_name(pid) && (!group_ || is_member(pid, *group_));
}

std::optional<bool> Selection::included(const std::string& comm) const {
  if (!comm_.empty() && !fits(comm_, comm)) return false;
  return group_ ? std::nullopt : std::optional(true);
}

std::vector<std::int32_t> Selection::left_out() const {
  return pids_.empty() || children_ ? std::vector<std::int32_t>{} : descendants_of(pids_);
}

}  // namespace cw
