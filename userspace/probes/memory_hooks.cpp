#include "probes/memory_hooks.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "probes/tracefs.h"

namespace cw {
namespace {

constexpr auto kMemoryCalls = std::to_array<const char*>({"brk", "mmap", "munmap", "madvise"});
constexpr std::uint64_t kFaultsASecond = 499;  // a CPU; no divisor of common periods

Result<Link> attach(bpf_program* program) {
  Link link(bpf_program__attach(program));
  if (!link)
    return fail(Exit::kNotAllowed,
                fmt::format("cannot attach to {}: {}", bpf_program__section_name(program),
                            std::strerror(errno)));
  return link;
}

Result<AttachedHooks> attach_functions(bpf_object* object) {
  AttachedHooks hooks;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (!section.starts_with("fentry/")) continue;
    auto link = attach(program);
    if (!link) return std::unexpected(link.error());
    hooks.links.push_back(std::move(*link));
    hooks.names.emplace_back(section);
  }
  return hooks;
}

Result<AttachedHooks> attach_call_tracepoints(bpf_object* object) {
  AttachedHooks hooks;
  const auto tracefs = Tracefs::open();
  if (!tracefs) return std::unexpected(tracefs.error());
  bpf_program* program = bpf_object__find_program_by_name(object, "memory_call");
  for (const char* call : kMemoryCalls) {
    const std::string event = fmt::format("syscalls/sys_enter_{}", call);
    const auto id = tracefs->event_id(event);
    if (!id) continue;  // none of them is everywhere
    auto link = attach_tracepoint(program, *id, event);
    if (!link) return std::unexpected(link.error());
    hooks.links.push_back(std::move(*link));
    hooks.names.push_back(fmt::format("tracepoint/{}", event));
  }
  return hooks;
}

}  // namespace

void select_memory_programs(bpf_object* object, HookSet set) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (section.starts_with("fentry/"))
      bpf_program__set_autoload(program, set == HookSet::kFunctions);
    else if (section == "tracepoint")
      bpf_program__set_autoload(program, set == HookSet::kTracepoints);
  }
}

Result<AttachedHooks> attach_memory_calls(bpf_object* object, HookSet set) {
  return set == HookSet::kFunctions ? attach_functions(object) : attach_call_tracepoints(object);
}

Result<AttachedHooks> attach_fault_samples(bpf_program* program) {
  AttachedHooks hooks;
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.freq = 1;
  attributes.sample_freq = kFaultsASecond;
  for (int cpu = 0; cpu < libbpf_num_possible_cpus(); ++cpu) {
    Fd event(static_cast<int>(
        syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!event && errno == ENODEV) continue;  // not online
    if (!event)
      return fail(Exit::kNotAllowed,
                  fmt::format("cannot sample page faults: {}", std::strerror(errno)));
    Link link(bpf_program__attach_perf_event(program, event.get()));
    if (!link)
      return fail(Exit::kNotAllowed,
                  fmt::format("cannot sample page faults: {}", std::strerror(errno)));
    (void)event.release();  // the link closes it
    hooks.links.push_back(std::move(link));
  }
  hooks.names.emplace_back("perf_event/page-faults");
  return hooks;
}

}  // namespace cw
