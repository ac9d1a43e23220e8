#include "process/proc.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

constexpr std::size_t kMaxPids = 4 << 20;                // PID_MAX_LIMIT
constexpr std::uint64_t kKernelThreadFlag = 0x00200000;  // PF_KTHREAD

using PathBuffer = std::array<char, 48>;

PathBuffer task_path(std::int32_t tid, const char* file) {
  PathBuffer path{};
  static_cast<void>(std::snprintf(path.data(), path.size(), "task/%d/%s", tid, file));
  return path;
}

// Fields of /proc/PID/stat after the name, as numbered in proc_pid_stat(5). The name may hold
// anything, ") Z 1" included, but what follows its last ')' is the kernel's own.
struct StatFields {
  char state = 'X';
  std::int32_t parent = 0;
  std::uint64_t flags = 0;
  std::uint64_t utime_ticks = 0;
  std::uint64_t stime_ticks = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_ticks = 0;
};

std::optional<StatFields> parse_stat(std::string_view text) {
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  const auto state = take_word(text);
  if (state.empty()) return std::nullopt;
  StatFields fields;
  fields.state = state.front();
  for (int field = 4; field <= 22; ++field) {
    const auto word = take_word(text);
    if (word.empty()) return std::nullopt;
    const auto value = number_of<std::uint64_t>(word).value_or(0);  // some are negative: not ours
    if (field == 4) fields.parent = static_cast<std::int32_t>(value);
    if (field == 9) fields.flags = value;
    if (field == 14) fields.utime_ticks = value;
    if (field == 15) fields.stime_ticks = value;
    if (field == 20) fields.threads = value;
    if (field == 22) fields.start_ticks = value;
  }
  return fields;
}

std::optional<StatFields> stat_at(int process, const char* path) {
  std::array<char, 1024> buffer{};
  return parse_stat(read_small(process, path, buffer));
}

std::optional<std::uint64_t> start_ticks_at(int process, const char* path) {
  const auto fields = stat_at(process, path);
  return fields ? std::optional(fields->start_ticks) : std::nullopt;
}

std::string comm_at(int process, const char* path) {
  std::array<char, 128> buffer{};
  auto text = read_small(process, path, buffer);
  if (text.ends_with('\n')) text.remove_suffix(1);  // one is the kernel's, others the name's
  return std::string(text);
}

std::uint64_t cpu_ns_in(const StatFields& fields) {
  static const auto kNsPerTick =
      1'000'000'000 / static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  return (fields.utime_ticks + fields.stime_ticks) * kNsPerTick;
}

// `tasks`: see open_tasks().
std::optional<ThreadTimes> times_in(int tasks, std::int32_t tid) {
  std::array<char, 128> buffer{};
  PathBuffer path{};
  static_cast<void>(std::snprintf(path.data(), path.size(), "%d/schedstat", tid));
  auto text = read_small(tasks, path.data(), buffer);
  if (!text.empty()) {
    const auto cpu = number_of<std::uint64_t>(take_word(text));
    const auto delay = number_of<std::uint64_t>(take_word(text));
    if (cpu && delay) return ThreadTimes{.cpu_ns = *cpu, .run_delay_ns = *delay};
  }
  static_cast<void>(std::snprintf(path.data(), path.size(), "%d/stat", tid));
  const auto fields = stat_at(tasks, path.data());
  if (!fields) return std::nullopt;
  return ThreadTimes{.cpu_ns = cpu_ns_in(*fields), .run_delay_ns = 0};
}

}  // namespace

ProcessState state_of(std::int32_t pid) {
  const Fd process = open_process(pid);
  const auto fields = stat_at(process.get(), "stat");
  if (!process || !fields) return ProcessState::kGone;
  if ((fields->flags & kKernelThreadFlag) != 0) return ProcessState::kKernelThread;
  const bool ended = fields->state == 'Z' || fields->state == 'X';
  return ended && fields->threads <= 1 ? ProcessState::kZombie : ProcessState::kAlive;
}

std::string comm_of(std::int32_t pid) {
  const Fd process = open_process(pid);
  return process ? comm_at(process.get(), "comm") : std::string();
}

std::string thread_comm_of(std::int32_t pid, std::int32_t tid) {
  const Fd process = open_process(pid);
  return process ? comm_at(process.get(), task_path(tid, "comm").data()) : std::string();
}

std::string exe_of(std::int32_t pid) {
  const Fd process = open_process(pid);
  std::string exe = process ? read_link(process.get(), "exe") : std::string();
  if (exe.ends_with(kDeleted)) exe.resize(exe.size() - kDeleted.size());
  return exe;
}

std::vector<std::int32_t> tids_of(std::int32_t pid) {
  const Fd process = open_process(pid);
  return process ? numbers_in(process.get(), "task", kMaxTasks) : std::vector<std::int32_t>();
}

std::vector<std::int32_t> descendants_of(const std::vector<std::int32_t>& pids) {
  std::unordered_multimap<std::int32_t, std::int32_t> children;
  for (const std::int32_t pid : all_pids())
    if (const auto fields = stat_at(open_process(pid).get(), "stat"))
      children.emplace(fields->parent, pid);
  std::vector<std::int32_t> found;
  std::unordered_set<std::int32_t> seen(pids.begin(), pids.end());
  std::vector<std::int32_t> parents = pids;
  while (!parents.empty()) {
    const auto [first, last] = children.equal_range(parents.back());
    parents.pop_back();
    for (auto entry = first; entry != last; ++entry) {
      if (!seen.insert(entry->second).second) continue;
      found.push_back(entry->second);
      parents.push_back(entry->second);
    }
  }
  std::ranges::sort(found);
  return found;
}

std::vector<std::int32_t> all_pids() {
  return numbers_in(AT_FDCWD, "/proc", kMaxPids);
}

std::optional<std::uint64_t> start_ticks_of(std::int32_t pid) {
  const Fd process = open_process(pid);
  if (!process) return std::nullopt;
  return start_ticks_at(process.get(), "stat");
}

std::optional<std::uint64_t> thread_start_ticks_of(std::int32_t pid, std::int32_t tid) {
  const Fd process = open_process(pid);
  if (!process) return std::nullopt;
  return start_ticks_at(process.get(), task_path(tid, "stat").data());
}

std::optional<ThreadTimes> thread_times_of(std::int32_t pid, std::int32_t tid) {
  const Fd tasks = open_tasks(open_process(pid));
  return tasks ? times_in(tasks.get(), tid) : std::nullopt;
}

namespace {

// The numbers behind `key` in a status file, such as "NSpid:".
template <std::integral Number = std::int32_t>
std::vector<Number> status_numbers(int directory, const char* path, std::string_view key) {
  std::vector<Number> numbers;
  std::array<char, 8192> buffer{};
  std::string_view text = read_small(directory, path, buffer);
  while (!text.empty()) {
    auto line = take_line(text);
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    while (!line.empty()) {
      if (const auto number = number_of<Number>(take_word(line, '\t'))) numbers.push_back(*number);
    }
    break;
  }
  return numbers;
}

}  // namespace

std::optional<std::uint64_t> voluntary_switches_of(std::int32_t pid, std::int32_t tid) {
  const Fd process = open_process(pid);
  if (!process) return std::nullopt;
  const auto numbers = status_numbers<std::uint64_t>(process.get(), task_path(tid, "status").data(),
                                                     "voluntary_ctxt_switches:");
  return numbers.empty() ? std::nullopt : std::optional(numbers.front());
}

std::vector<std::int32_t> namespace_ids_of(std::int32_t pid, std::int32_t tid) {
  const Fd process = open_process(pid);
  if (!process) return {};
  return status_numbers(process.get(), task_path(tid, "status").data(), "NSpid:");
}

std::optional<std::int32_t> process_of_thread(std::int32_t tid) {
  const Fd thread = open_process(tid);
  if (!thread) return std::nullopt;
  const auto ids = status_numbers(thread.get(), "status", "Tgid:");
  return ids.empty() ? std::nullopt : std::optional(ids.front());
}

bool is_32bit(std::int32_t pid) {
  const Fd process = open_process(pid);
  if (!process) return false;
  const Fd exe = open_regular(process.get(), "exe");
  std::array<char, EI_NIDENT> ident{};
  if (!exe || read_at(exe.get(), 0, ident) != ident.size()) return false;
  return std::string_view(ident.data(), SELFMAG) == ELFMAG && ident[EI_CLASS] == ELFCLASS32;
}

}  // namespace cw
