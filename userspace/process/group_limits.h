// What control groups allow and how hard they press: cgroups(7), Documentation/admin-guide/
// cgroup-v2.rst and cgroup-v1/memory.rst of Linux, sched-bwc.rst.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "process/control_group.h"

namespace cw {

// Bytes left below a limit.
struct Headroom {
  std::uint64_t bytes = 0;
  std::string limit;  // "memory.max of /shop", "the machine's memory"
};

struct GroupPressure {
  std::optional<std::uint64_t> memory_some_us;  // cumulative (PSI)
  std::optional<std::uint64_t> cpu_periods;     // in which a quota was enforced
  std::optional<std::uint64_t> cpu_throttled;   // of them
};

class GroupLimits {
 public:
  // Reads where hierarchies are mounted.
  GroupLimits();
  explicit GroupLimits(std::vector<CgroupMount> mounts) : mounts_(std::move(mounts)) {}

  // The nearest limit above a process: of its group, of those above it, or the machine. File pages
  // that were not used lately do not count as used: they go first. `membership`: the text of
  // /proc/PID/cgroup.
  [[nodiscard]] std::optional<Headroom> headroom(std::string_view membership) const;
  [[nodiscard]] GroupPressure pressure(std::string_view membership) const;

 private:
  [[nodiscard]] std::vector<ControlGroup> groups_of(std::string_view membership) const;
  std::vector<CgroupMount> mounts_;
};

// The text of /proc/PID/cgroup; empty when the process is gone.
std::string membership_of(std::int32_t pid);

}  // namespace cw
