#include "process/control_group.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

constexpr std::size_t kMaxMembers = 64 << 20;  // bytes of cgroup.procs
constexpr std::size_t kMaxGroups = 1 << 16;

// mountinfo writes blanks and backslashes as \040 and the like.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto code = text[i] == '\\' && i + 3 < text.size()
                          ? number_of<unsigned>(text.substr(i + 1, 3), 8)
                          : std::nullopt;
    plain += code ? static_cast<char>(*code) : text[i];
    if (code) i += 3;
  }
  return plain;
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty())
    if (take_word(options, ',') == wanted) return true;
  return false;
}

bool lies_below(std::string_view path, std::string_view parent) {
  if (parent == "/") return path.starts_with('/');
  return path.starts_with(parent) && (path.size() == parent.size() || path[parent.size()] == '/');
}

std::string joined(std::string_view parent, std::string_view rest) {
  while (parent.ends_with('/')) parent.remove_suffix(1);
  while (rest.starts_with('/')) rest.remove_prefix(1);
  std::string path(parent);
  if (!rest.empty() || path.empty()) path.append("/").append(rest);
  return path;
}

bool is_directory(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

std::optional<ControlGroup> group_at_directory(const std::string& path,
                                               const std::vector<CgroupMount>& mounts) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(path, error).string();
  if (error || !is_directory(real)) return std::nullopt;
  const CgroupMount* home = nullptr;
  for (const CgroupMount& mount : mounts)
    if (lies_below(real, mount.directory) &&
        (home == nullptr || mount.directory.size() >= home->directory.size()))
      home = &mount;
  if (home == nullptr) return std::nullopt;
  return ControlGroup{.controllers = home->controllers,
                      .path = joined(home->root, real.substr(home->directory.size())),
                      .directory = real};
}

std::optional<ControlGroup> group_at_path(const std::string& path,
                                          const std::vector<CgroupMount>& mounts) {
  const std::string absolute = joined("/", path);
  std::optional<ControlGroup> best;
  for (const CgroupMount& mount : mounts) {
    if (!lies_below(absolute, mount.root)) continue;
    const std::string_view rest =
        std::string_view(absolute).substr(mount.root == "/" ? 0 : mount.root.size());
    ControlGroup group{.controllers = mount.controllers,
                       .path = absolute,
                       .directory = joined(mount.directory, rest)};
    if (!is_directory(group.directory)) continue;
    const bool has_processes = !members_of(group).empty();
    if (!best || has_processes) best = std::move(group);
    if (has_processes) break;
  }
  return best;
}

}  // namespace

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  while (!mountinfo.empty()) {
    std::string_view line = take_line(mountinfo);
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    std::string_view end = line.substr(dash + 3);
    const auto type = take_word(end);
    if (type != "cgroup" && type != "cgroup2") continue;
    take_word(end);  // the source
    for (int skipped = 0; skipped < 3; ++skipped) take_word(line);
    CgroupMount mount;
    mount.root = unescaped(take_word(line));
    mount.directory = unescaped(take_word(line));
    if (type == "cgroup") mount.controllers = std::string(take_word(end));
    mounts.push_back(std::move(mount));
  }
  std::ranges::sort(mounts, {}, [](const CgroupMount& mount) {
    return std::tuple(!mount.controllers.empty(), mount.directory);
  });
  return mounts;
}

std::string group_path_in(std::string_view membership) {
  std::string_view first;
  while (!membership.empty()) {
    const auto line = take_line(membership);
    const auto path = line.find(':', line.find(':') + 1);
    if (path == std::string_view::npos) continue;
    if (line.starts_with("0::")) return std::string(line.substr(path + 1));
    if (first.empty()) first = line.substr(path + 1);
  }
  return std::string(first);
}

std::optional<ControlGroup> find_control_group(const std::string& path) {
  const auto mounts =
      parse_cgroup_mounts(read_whole(AT_FDCWD, "/proc/self/mountinfo", kMaxMountinfo));
  if (auto group = group_at_directory(path, mounts)) return group;
  return group_at_path(path, mounts);
}

bool is_member(std::string_view membership, const ControlGroup& group) {
  while (!membership.empty()) {
    std::string_view line = take_line(membership);
    take_word(line, ':');  // the hierarchy's number
    const bool version_2 = line.starts_with(':');
    std::string_view controllers = version_2 ? "" : take_word(line, ':');
    if (version_2) line.remove_prefix(1);
    // A version 1 hierarchy has options beside its controllers, and may have several of those.
    bool same = version_2 == group.controllers.empty();
    while (same && !controllers.empty())
      same = has_option(group.controllers, take_word(controllers, ','));
    if (same) return lies_below(line, group.path);
  }
  return false;
}

bool is_member(std::int32_t pid, const ControlGroup& group) {
  return is_member(read_whole(open_process(pid).get(), "cgroup", kMaxMembership), group);
}

std::vector<std::int32_t> members_of(const ControlGroup& group) {
  std::vector<std::int32_t> pids;
  std::vector<std::string> directories = {group.directory};
  for (std::size_t i = 0; i < directories.size() && i < kMaxGroups; ++i) {
    const std::string text =
        read_whole(AT_FDCWD, joined(directories[i], "cgroup.procs").c_str(), kMaxMembers);
    std::string_view rest = text;
    while (!rest.empty())
      if (const auto pid = number_of<std::int32_t>(take_line(rest)); pid && *pid > 0)
        pids.push_back(*pid);
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directories[i], error))
      if (entry.is_directory(error)) directories.push_back(entry.path().string());
  }
  return pids;
}

}  // namespace cw
