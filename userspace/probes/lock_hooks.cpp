#include "probes/lock_hooks.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "probes/tracefs.h"

namespace cw {
namespace {

constexpr std::string_view kTracepoint = "tracepoint/";

bool begins_with_any(std::string_view section, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return section.starts_with(prefix); });
}

bool is_function_hook(std::string_view section) { return begins_with_any(section, {"fentry/", "fexit/"}); }
bool is_compat_hook(std::string_view section) { return begins_with_any(section, {"tp_btf/sys_"}); }
bool is_run_by_us(std::string_view section) { return section == "syscall"; }

// do_futex is what everything rests on; the rest came with later kernels (futex_waitv 5.16,
// futex_wait, futex_wake and futex_requeue 6.7).
bool is_essential(std::string_view section) {
  return section.ends_with("/do_futex") || section.ends_with("_futex") || section.starts_with("tp_btf/");
}

bool kernel_has_function(const btf* kernel, std::string_view section) {
  const std::string function(section.substr(section.find('/') + 1));
  return btf__find_by_name_kind(kernel, function.c_str(), BTF_KIND_FUNC) > 0;
}

std::unexpected<Error> attach_error(std::string_view section, int reason) {
  return fail(Exit::kNotAllowed, fmt::format("cannot attach to {}: {}; 'contentionwatch doctor' says more", section,
                                             std::strerror(reason)));
}

// A perf event of our own on the tracepoint: libbpf would look for tracefs in its usual places.
// A BPF program on it runs for every process on every CPU, whatever pid and CPU say.
Result<Link> attach_tracepoint(bpf_program* program, std::uint64_t id, std::string_view section) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.size = sizeof(attributes);
  attributes.config = id;
  Fd event(static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) return attach_error(section, errno);
  Link link(bpf_program__attach_perf_event(program, event.get()));
  if (!link) return attach_error(section, errno);
  (void)event.release();  // the link closes it
  return link;
}

Result<Link> attach_one(bpf_program* program, std::string_view section, const Tracefs* tracefs) {
  if (section.starts_with(kTracepoint)) {
    const auto id = tracefs->event_id(std::string(section.substr(kTracepoint.size())));
    if (!id && !is_essential(section)) return Link();
    if (!id) return attach_error(section, ENOENT);
    return attach_tracepoint(program, *id, section);
  }
  Link link(bpf_program__attach(program));
  if (!link) return attach_error(section, errno);
  return link;
}

}  // namespace

void select_programs(bpf_object* object, HookSet set) {
  btf* kernel = btf__load_vmlinux_btf();
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    bool wanted = true;
    if (is_function_hook(section))
      wanted = set == HookSet::kFunctions && (is_essential(section) || kernel_has_function(kernel, section));
    else if (section.starts_with(kTracepoint))
      wanted = set == HookSet::kTracepoints;
    bpf_program__set_autoload(program, wanted);
  }
  btf__free(kernel);
}

Result<std::vector<Link>> attach_programs(bpf_object* object, HookSet set) {
  std::optional<Tracefs> tracefs;
  if (set == HookSet::kTracepoints) {
    auto opened = Tracefs::open();
    if (!opened) return std::unexpected(opened.error());
    tracefs.emplace(std::move(*opened));
  }
  std::vector<Link> links;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (!bpf_program__autoload(program) || is_compat_hook(section) || is_run_by_us(section)) continue;
    auto link = attach_one(program, section, tracefs ? &*tracefs : nullptr);
    if (!link) return std::unexpected(link.error());
    if (*link) links.push_back(std::move(*link));
  }
  return links;
}

Result<std::vector<Link>> attach_compat_programs(bpf_object* object) {
  std::vector<Link> links;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (!is_compat_hook(section)) continue;
    auto link = attach_one(program, section, nullptr);
    if (!link) return std::unexpected(link.error());
    links.push_back(std::move(*link));
  }
  return links;
}

std::vector<std::string> program_names(const bpf_object* object, bool compat) {
  std::vector<std::string> names;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (!bpf_program__autoload(program) || is_run_by_us(section)) continue;
    if (is_compat_hook(section) && !compat) continue;
    names.emplace_back(section);
  }
  return names;
}

std::uint64_t missed_runs(const bpf_object* object) {
  std::uint64_t missed = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const int number = bpf_program__fd(program);
    bpf_prog_info about{};
    std::uint32_t size = sizeof(about);
    if (number >= 0 && bpf_prog_get_info_by_fd(number, &about, &size) == 0) missed += about.recursion_misses;
  }
  return missed;
}

}  // namespace cw
