#include "process/target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include "process/allocators.h"
#include "process/go_locks.h"
#include "process/lock_functions.h"
#include "process/mapped_file.h"
#include "process/proc.h"
#include "process/proc_files.h"
#include "process/process_symbols.h"
#include "process/runtimes.h"

namespace cw {
namespace {

bool same_namespace(int process, const char* kind) {
  const std::string path = std::string("ns/") + kind;
  const std::string theirs = read_link(process, path.c_str());
  return theirs.empty() || theirs == read_link(AT_FDCWD, ("/proc/self/" + path).c_str());
}

bool can_open(int process, const char* path) {
  return static_cast<bool>(Fd(::openat(process, path, O_RDONLY | O_CLOEXEC)));
}

bool can_read(std::int32_t pid, std::uint64_t address) {
  std::array<std::byte, 8> word{};
  const iovec ours{.iov_base = word.data(), .iov_len = word.size()};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
  const iovec theirs{.iov_base = reinterpret_cast<void*>(address), .iov_len = word.size()};
  return ::process_vm_readv(pid, &ours, 1, &theirs, 1, 0) == static_cast<ssize_t>(word.size());
}

bool can_open_map_file(int process, const Mapping& mapping) {
  std::array<char, 64> name{};
  static_cast<void>(std::snprintf(name.data(), name.size(), "map_files/%llx-%llx",
                                  static_cast<unsigned long long>(mapping.start),
                                  static_cast<unsigned long long>(mapping.end)));
  return can_open(process, name.data());
}

void see_names(ProcessSymbols& symbols, ProcessFacts& facts) {
  const std::string exe = exe_of(facts.pid);
  std::string_view last;
  for (const Mapping& mapping : symbols.memory_map().mappings()) {
    if (!mapping.executable || !mapping.of_file() || mapping.path == last) continue;
    last = mapping.path;
    const auto image = symbols.image_of(mapping);
    if (!image) continue;
    const bool names_all = image->section_named(".symtab") != nullptr;
    if (mapping.path == exe) {
      facts.program_read = true;
      facts.has_symtab = names_all;
      continue;
    }
    ++facts.libraries;
    facts.with_symtab += names_all ? 1 : 0;
  }
}

}  // namespace

Result<void> check_target(std::int32_t pid) {
  switch (state_of(pid)) {
    case ProcessState::kGone:
      return fail(Exit::kNoProcess, fmt::format("pid {}: no such process", pid));
    case ProcessState::kZombie:
      return fail(
          Exit::kNoProcess,
          fmt::format("pid {}: has ended already (a zombie its parent did not collect)", pid));
    case ProcessState::kKernelThread:
      return fail(
          Exit::kNoProcess,
          fmt::format("pid {}: is a kernel thread; only user processes wait on futexes", pid));
    case ProcessState::kAlive:
      break;
  }
  if (const auto process = process_of_thread(pid); process && *process != pid)
    return fail(Exit::kNoProcess, fmt::format("pid {}: is a thread of process {}; use --pid {}",
                                              pid, *process, *process));
  return {};
}

ProcessFacts process_facts(std::int32_t pid) {
  ProcessFacts facts;
  facts.pid = pid;
  if (const auto fit = check_target(pid); !fit) {
    facts.problem = fit.error().message;
    return facts;
  }
  const Fd process = open_process(pid);
  const std::vector<std::int32_t> tids = tids_of(pid);
  facts.comm = comm_of(pid);
  facts.threads = tids.size();
  facts.children = descendants_of({pid}).size();
  facts.is_32bit = is_32bit(pid);
  facts.exe_readable = !exe_of(pid).empty();
  facts.calls_readable = std::ranges::any_of(tids, [&](std::int32_t tid) {
    std::array<char, 256> buffer{};
    const std::string path = fmt::format("task/{}/syscall", tid);
    return !read_small(process.get(), path.c_str(), buffer).empty();
  });
  facts.other_pid_namespace = !same_namespace(process.get(), "pid");
  facts.other_mount_namespace = !same_namespace(process.get(), "mnt");
  if (const auto ids = namespace_ids_of(pid, pid); !ids.empty()) facts.innermost_pid = ids.back();

  ElfCache cache;
  ProcessSymbols symbols(pid, cache);
  for (const Mapping& mapping : symbols.memory_map().mappings()) {
    facts.maps_readable = true;
    if (mapping.readable && !facts.memory_readable)
      facts.memory_readable = can_read(pid, mapping.start);
    if (mapping.of_file() && !facts.files_openable)
      facts.files_openable = can_open_map_file(process.get(), mapping);
  }
  const Runtimes runtimes = runtimes_of(symbols);
  facts.runtimes = runtimes.languages;
  facts.allocators = runtimes.allocators;
  facts.sites = find_allocator_sites(symbols);
  facts.lock_sites = find_lock_sites(symbols);
  facts.go_sites = find_go_sites(symbols).value_or(GoSites());
  see_names(symbols, facts);
  return facts;
}

}  // namespace cw
