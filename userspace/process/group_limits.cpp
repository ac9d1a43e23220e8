#include "process/group_limits.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "process/memory_use.h"
#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

constexpr std::size_t kMaxGroupFile = 64 << 10;
constexpr int kMostLevels = 64;
// Version 1 writes "no limit" as the largest multiple of a page: anything near it is none.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62U;

std::string read_file(const std::string& directory, const char* name) {
  return read_whole(AT_FDCWD, (directory + "/" + name).c_str(), kMaxGroupFile);
}

// A file that holds one number; empty for "max".
std::optional<std::uint64_t> number_in(const std::string& directory, const char* name) {
  const std::string text = read_file(directory, name);
  std::string_view rest = text;
  const auto value = number_of<std::uint64_t>(take_line(rest));
  return value && *value < kNoLimit ? value : std::nullopt;
}

// "key 123", on a line of its own.
std::optional<std::uint64_t> field_in(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (take_word(line) == key) return number_of<std::uint64_t>(line);
  }
  return std::nullopt;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=123"
std::optional<std::uint64_t> some_total(std::string_view text) {
  std::string_view line = take_line(text);
  if (take_word(line) != "some") return std::nullopt;
  while (!line.empty()) {
    const std::string_view word = take_word(line);
    if (word.starts_with("total=")) return number_of<std::uint64_t>(word.substr(6));
  }
  return std::nullopt;
}

bool has_controller(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty())
    if (take_word(controllers, ',') == wanted) return true;
  return false;
}

void keep_nearest(std::optional<Headroom>& nearest, std::uint64_t limit, std::uint64_t used,
                  std::string name) {
  const std::uint64_t left = limit > used ? limit - used : 0;
  if (!nearest || left < nearest->bytes)
    nearest = Headroom{.bytes = left, .limit = std::move(name)};
}

void look_at(const ControlGroup& group, std::optional<Headroom>& nearest) {
  const bool version_2 = group.controllers.empty();
  const auto used =
      number_in(group.directory, version_2 ? "memory.current" : "memory.usage_in_bytes");
  if (!used) return;
  const std::string stat = read_file(group.directory, "memory.stat");
  const std::uint64_t idle_files =
      field_in(stat, version_2 ? "inactive_file" : "total_inactive_file").value_or(0);
  const std::uint64_t needed = *used - std::min(*used, idle_files);
  const auto add = [&](const char* file) {
    if (const auto limit = number_in(group.directory, file))
      keep_nearest(nearest, *limit, needed, fmt::format("{} of {}", file, group.path));
  };
  if (version_2) {
    add("memory.max");
    add("memory.high");
  } else {
    add("memory.limit_in_bytes");
  }
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

GroupLimits::GroupLimits()
    : mounts_(parse_cgroup_mounts(read_whole(AT_FDCWD, "/proc/self/mountinfo", kMaxMountinfo))) {}

std::string membership_of(std::int32_t pid) {
  const Fd process = open_process(pid);
  return process ? read_whole(process.get(), "cgroup", kMaxMembership) : std::string();
}

// "4:memory:/shop": the hierarchy's number, its controllers, the path in it.
std::vector<ControlGroup> GroupLimits::groups_of(std::string_view membership) const {
  std::vector<ControlGroup> groups;
  while (!membership.empty()) {
    const std::string_view line = take_line(membership);
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    const auto mount = std::ranges::find_if(mounts_, [&](const CgroupMount& candidate) {
      if (candidate.controllers.empty() != controllers.empty()) return false;
      std::string_view rest = controllers;
      return controllers.empty() || has_controller(candidate.controllers, take_word(rest, ','));
    });
    if (mount == mounts_.end()) continue;
    const std::string& root = mount->root;
    if (root != "/" && !path.starts_with(root)) continue;  // not visible from here
    std::string directory = mount->directory + (root == "/" ? path : path.substr(root.size()));
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    groups.push_back(
        {.controllers = std::string(controllers), .path = path, .directory = std::move(directory)});
  }
  return groups;
}

std::optional<Headroom> GroupLimits::headroom(std::string_view membership) const {
  std::optional<Headroom> nearest;
  if (const auto machine = machine_headroom())
    nearest = Headroom{.bytes = *machine, .limit = "the machine's memory"};
  for (ControlGroup group : groups_of(membership)) {
    if (!group.controllers.empty() && !has_controller(group.controllers, "memory")) continue;
    for (int level = 0; level < kMostLevels && group.path.size() > 1; ++level) {
      look_at(group, nearest);
      group.path = parent_of(group.path);
      group.directory = parent_of(group.directory);
    }
  }
  return nearest;
}

GroupPressure GroupLimits::pressure(std::string_view membership) const {
  GroupPressure pressure;
  for (const ControlGroup& group : groups_of(membership)) {
    const bool version_2 = group.controllers.empty();
    if (version_2)
      pressure.memory_some_us = some_total(read_file(group.directory, "memory.pressure"));
    if (!version_2 && !has_controller(group.controllers, "cpu")) continue;
    const std::string stat = read_file(group.directory, "cpu.stat");
    if (const auto periods = field_in(stat, "nr_periods")) {
      pressure.cpu_periods = periods;
      pressure.cpu_throttled = field_in(stat, "nr_throttled");
    }
  }
  return pressure;
}

}  // namespace cw
