// Control groups, of both versions: cgroups(7), proc_pid_mountinfo(5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cw {

// Bytes of what is read of files in /proc/PID.
inline constexpr std::size_t kMaxMountinfo = 16 << 20;
inline constexpr std::size_t kMaxMembership = 64 << 10;

// One group in one hierarchy.
struct ControlGroup {
  std::string controllers;  // of a version 1 hierarchy: "memory", "name=systemd"; empty: version 2
  std::string path;         // in the hierarchy, as /proc/PID/cgroup has it: "/system.slice/x"
  std::string directory;    // where it can be read
};

// A place where a hierarchy is mounted, as a line of /proc/PID/mountinfo tells.
struct CgroupMount {
  std::string controllers;  // as above
  std::string root;         // path in the hierarchy that is mounted there
  std::string directory;
};
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);

// The group that a user means by `path`: a directory below a cgroup mount, or a path in a
// hierarchy, with or without the leading slash. In several hierarchies: the one that has processes,
// version 2 first. Empty when there is no such group.
std::optional<ControlGroup> find_control_group(const std::string& path);

// In `membership`, the text of /proc/PID/cgroup: the path in the unified hierarchy (cgroups(7)),
// else in the first one listed.
std::string group_path_in(std::string_view membership);

// Whether `membership`, the text of /proc/PID/cgroup, is that of a process in the group or below.
bool is_member(std::string_view membership, const ControlGroup& group);
bool is_member(std::int32_t pid, const ControlGroup& group);

// All processes in the group and below.
std::vector<std::int32_t> members_of(const ControlGroup& group);

}  // namespace cw
