#include "control_group.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace cw::test {
namespace {

struct Mount {
  std::string directory;
  std::string type;
};

std::vector<Mount> cgroup_mounts() {
  std::vector<Mount> found;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string device, place, type, rest;
       mounts >> device >> place >> type && std::getline(mounts, rest);)
    if (type == "cgroup" || type == "cgroup2") found.push_back({place, type});
  return found;
}

bool write_to(const std::string& file, const std::string& text) {
  std::ofstream stream(file);
  return static_cast<bool>(stream << text << std::flush);
}

}  // namespace

ControlGroup::ControlGroup(const std::string& parent) {
  static std::atomic<int> number{0};
  directory_ =
      parent + "/contentionwatch-test-" + std::to_string(getpid()) + "-" + std::to_string(number++);
  if (mkdir(directory_.c_str(), 0755) != 0)
    throw std::runtime_error("cannot make the control group " + directory_);
}

ControlGroup::ControlGroup(ControlGroup&& other) noexcept
    : directory_(std::exchange(other.directory_, {})) {}

ControlGroup::~ControlGroup() {
  if (directory_.empty()) return;
  for (int tries = 0; rmdir(directory_.c_str()) != 0 && tries < 200; tries++) usleep(10'000);
}

ControlGroup ControlGroup::with_memory(std::uint64_t bytes) {
  for (const Mount& mount : cgroup_mounts()) {
    const bool version_2 = mount.type == "cgroup2";
    if (version_2) write_to(mount.directory + "/cgroup.subtree_control", "+memory");
    ControlGroup group(mount.directory);
    const char* const limit = version_2 ? "/memory.max" : "/memory.limit_in_bytes";
    if (access((group.directory() + limit).c_str(), W_OK) == 0 &&
        write_to(group.directory() + limit, std::to_string(bytes)))
      return group;
  }
  throw std::runtime_error("no control group hierarchy limits memory here");
}

void ControlGroup::add(int pid) const {
  if (!write_to(directory_ + "/cgroup.procs", std::to_string(pid)))
    throw std::runtime_error("cannot move a process to " + directory_);
}

std::vector<std::string> hierarchies() {
  std::vector<std::string> found;
  bool has_version_1 = false;
  for (const Mount& mount : cgroup_mounts()) {
    const bool usable = mount.type == "cgroup2" || mount.directory.ends_with("/pids");
    if (!usable || (mount.type == "cgroup" && has_version_1)) continue;
    has_version_1 |= mount.type == "cgroup";
    found.push_back(mount.directory);
  }
  return found;
}

}  // namespace cw::test
