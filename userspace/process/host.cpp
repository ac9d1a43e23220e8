#include "process/host.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "process/proc.h"
#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

constexpr std::size_t kMaxMounts = 1 << 20;
// The inode numbers of the namespaces that a machine starts with: include/linux/proc_ns.h.
constexpr std::string_view kFirstPidNamespace = "pid:[4026531836]";
constexpr std::string_view kFirstUserNamespace = "user:[4026531837]";
constexpr auto kControllers = std::to_array<std::string_view>(
    {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "net_cls",
     "net_prio", "perf_event", "hugetlb", "rdma", "misc"});

std::optional<int> sysctl(const char* path) {
  std::array<char, 32> buffer{};
  auto text = read_small(AT_FDCWD, path, buffer);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return number_of<int>(text);
}

// "none [integrity] confidentiality": the one in brackets is in force.
std::optional<std::string> lockdown() {
  std::array<char, 128> buffer{};
  const auto text = read_small(AT_FDCWD, "/sys/kernel/security/lockdown", buffer);
  const auto begin = text.find('[');
  const auto end = text.find(']');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  return std::string(text.substr(begin + 1, end - begin - 1));
}

void see_controllers(std::string_view options, std::vector<std::string>& found) {
  while (!options.empty()) {
    const auto option = take_word(options, ',');
    const bool known = std::ranges::find(kControllers, option) != kControllers.end();
    if (known && std::ranges::find(found, option) == found.end()) found.emplace_back(option);
  }
}

// Lines of proc_pid_mounts(5): what, where, type, options.
void see_mounts(HostFacts& facts) {
  const std::string text = read_whole(AT_FDCWD, "/proc/self/mounts", kMaxMounts);
  std::string_view rest = text;
  while (!rest.empty()) {
    auto line = take_line(rest);
    take_word(line);
    const auto place = take_word(line);
    const auto type = take_word(line);
    if (type == "cgroup2" && facts.cgroup2.empty()) facts.cgroup2 = place;
    if (type == "cgroup") see_controllers(take_word(line), facts.cgroup1);
    if (type == "tracefs" && place == "/sys/kernel/tracing") facts.tracefs_mounted = true;
  }
}

}  // namespace

HostFacts host_facts() {
  HostFacts facts;
  utsname names{};
  uname(&names);
  facts.host = names.nodename;
  facts.kernel = names.release;
  facts.lockdown = lockdown();
  facts.unprivileged_bpf_disabled = sysctl("/proc/sys/kernel/unprivileged_bpf_disabled");
  facts.perf_event_paranoid = sysctl("/proc/sys/kernel/perf_event_paranoid");
  facts.first_pid_namespace = read_link(AT_FDCWD, "/proc/self/ns/pid") == kFirstPidNamespace;
  facts.first_user_namespace = read_link(AT_FDCWD, "/proc/self/ns/user") == kFirstUserNamespace;
  // A kernel that does not count writes zeros, and so does one that has not looked since we began.
  sched_yield();
  std::array<char, 64> buffer{};
  auto times = read_small(AT_FDCWD, "/proc/self/schedstat", buffer);
  facts.counts_run_delay = number_of<std::uint64_t>(take_word(times)).value_or(0) != 0;
  see_mounts(facts);
  return facts;
}

}  // namespace cw
