#include "probes/lock_hooks.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "probes/features.h"
#include "probes/side_by_side.h"
#include "probes/tracefs.h"

namespace cw {
namespace {

// Which program goes on which tracepoint. futex is what everything rests on; the rest came with
// later kernels (futex_waitv 5.16, futex_wait, futex_wake and futex_requeue 6.7).
struct CallTracepoint {
  std::string_view program;
  const char* event;
  bool essential;
};
constexpr auto kCallTracepoints = std::to_array<CallTracepoint>({
    {"enter_call", "syscalls/sys_enter_futex", true},
    {"enter_call", "syscalls/sys_enter_futex_waitv", false},
    {"enter_call", "syscalls/sys_enter_futex_wait", false},
    {"enter_call", "syscalls/sys_enter_futex_wake", false},
    {"enter_call", "syscalls/sys_enter_futex_requeue", false},
    {"enter_restart", "syscalls/sys_enter_restart_syscall", true},
    {"leave_call", "syscalls/sys_exit_futex", true},
    {"leave_call", "syscalls/sys_exit_futex_waitv", false},
    {"leave_call", "syscalls/sys_exit_futex_wait", false},
    {"leave_call", "syscalls/sys_exit_futex_wake", false},
    {"leave_call", "syscalls/sys_exit_futex_requeue", false},
    {"leave_call", "syscalls/sys_exit_restart_syscall", true},
});

bool begins_with_any(std::string_view section, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes,
                             [&](std::string_view prefix) { return section.starts_with(prefix); });
}

bool is_function_hook(std::string_view section) {
  return begins_with_any(section, {"fentry/", "fexit/"});
}
bool is_call_hook(std::string_view section) {
  return section == "tracepoint";
}
bool is_compat_hook(std::string_view section) {
  return begins_with_any(section, {"tp_btf/sys_"});
}
bool is_goroutine_hook(std::string_view section) {
  return section == "uprobe.multi";
}
bool is_run_by_us(std::string_view section) {
  return section == "syscall";
}

bool kernel_has_function(const btf* kernel, std::string_view section) {
  const std::string function(section.substr(section.find('/') + 1));
  return kernel != nullptr && btf__find_by_name_kind(kernel, function.c_str(), BTF_KIND_FUNC) > 0;
}

// All zeros for a program that is not loaded.
bpf_prog_info info_of(const bpf_program* program) {
  bpf_prog_info about{};
  std::uint32_t size = sizeof(about);
  const int number = bpf_program__fd(program);
  if (number < 0 || bpf_prog_get_info_by_fd(number, &about, &size) != 0) return {};
  return about;
}

std::unexpected<Error> attach_error(std::string_view section, int reason) {
  return fail(Exit::kNotAllowed, fmt::format("cannot attach to {}: {}; run as root, on the host",
                                             section, std::strerror(reason)));
}

Result<void> attach_call_tracepoints(bpf_object* object, AttachedHooks& hooks) {
  const auto tracefs = Tracefs::open();
  if (!tracefs) return std::unexpected(tracefs.error());
  for (const CallTracepoint& hook : kCallTracepoints) {
    const auto id = tracefs->event_id(hook.event);
    if (!id && !hook.essential) continue;
    if (!id) return attach_error(hook.event, ENOENT);
    bpf_program* program =
        bpf_object__find_program_by_name(object, std::string(hook.program).c_str());
    auto link = attach_tracepoint(program, *id, hook.event);
    if (!link) return std::unexpected(link.error());
    hooks.links.push_back(std::move(*link));
    hooks.names.push_back(fmt::format("tracepoint/{}", hook.event));
  }
  return {};
}

template <typename Wanted>
void select_only(bpf_object* object, const Wanted& wanted) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object)
      bpf_program__set_autoload(program, wanted(bpf_program__section_name(program)));
}

Result<void> attach_by_section(bpf_program* program, AttachedHooks& hooks) {
  const char* section = bpf_program__section_name(program);
  Link link(bpf_program__attach(program));
  if (!link) return attach_error(section, errno);
  hooks.links.push_back(std::move(link));
  hooks.names.emplace_back(section);
  return {};
}

}  // namespace

// A perf event of our own on the tracepoint: libbpf would look for tracefs in its usual places.
// A BPF program on it runs for every process on every CPU, whatever pid and CPU say.
Result<Link> attach_tracepoint(bpf_program* program, std::uint64_t id, std::string_view section) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.size = sizeof(attributes);
  attributes.config = id;
  Fd event(
      static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) return attach_error(section, errno);
  Link link(bpf_program__attach_perf_event(program, event.get()));
  if (!link) return attach_error(section, errno);
  (void)event.release();  // the link closes it
  return link;
}

// Each hook is gone when nobody runs it any more, which the kernel waits for.
void AttachedHooks::detach() {
  side_by_side(links.size(), [&](std::size_t i) { links[i].reset(); });
}

AttachedHooks& AttachedHooks::operator=(AttachedHooks&& other) noexcept {
  detach();
  links = std::move(other.links);
  names = std::move(other.names);
  return *this;
}

HookSet resolved(HookSet set) {
  if (set != HookSet::kAutomatic) return set;
  return can_hook_functions() ? HookSet::kFunctions : HookSet::kTracepoints;
}

void select_programs(bpf_object* object, HookSet set) {
  btf* kernel = set == HookSet::kFunctions ? btf__load_vmlinux_btf() : nullptr;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    bool wanted = !is_compat_hook(section) && !is_goroutine_hook(section);
    if (is_function_hook(section))
      wanted = set == HookSet::kFunctions &&
               (section.ends_with("_futex") || kernel_has_function(kernel, section));
    else if (is_call_hook(section))
      wanted = set == HookSet::kTracepoints;
    bpf_program__set_autoload(program, wanted);
  }
  btf__free(kernel);
}

void select_compat_programs(bpf_object* object) {
  select_only(object, is_compat_hook);
}

void select_goroutine_programs(bpf_object* object) {
  select_only(object, is_goroutine_hook);
}

Result<AttachedHooks> attach_programs(bpf_object* object, HookSet set) {
  AttachedHooks hooks;
  if (set == HookSet::kTracepoints)
    if (auto done = attach_call_tracepoints(object, hooks); !done)
      return std::unexpected(done.error());
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (!bpf_program__autoload(program) || is_call_hook(section) || is_run_by_us(section)) continue;
    if (auto done = attach_by_section(program, hooks); !done) return std::unexpected(done.error());
  }
  return hooks;
}

std::uint64_t missed_runs(const bpf_object* object) {
  std::uint64_t missed = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) missed += info_of(program).recursion_misses;
  return missed;
}

std::vector<ProgramRuns> timed_runs(const bpf_object* object) {
  std::vector<ProgramRuns> all;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (is_call_hook(section) || is_goroutine_hook(section) || is_run_by_us(section)) continue;
    const bpf_prog_info about = info_of(program);
    all.push_back({.hook = std::string(section), .runs = about.run_cnt, .ns = about.run_time_ns});
  }
  return all;
}

}  // namespace cw
