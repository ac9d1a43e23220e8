#include "probes/lock_programs.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "probes/lock_hooks.h"
#include "probes/lockdown.h"
#include "probes/pid_namespace.h"

namespace cw {
namespace {

// What the verifier says is for whoever ports this to another kernel: CONTENTIONWATCH_DEBUG=1.
int print_if_asked(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || std::getenv("CONTENTIONWATCH_DEBUG") == nullptr) return 0;
  return std::vfprintf(stderr, format, arguments);
}

std::string cure_for(int error) {
  if (error == EPERM)
    return geteuid() == 0 ? "not permitted to load BPF programs, though root: a container or "
                            "lockdown forbids it; run "
                            "on the host, or grant CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN"
                          : "not permitted to load BPF programs; run with sudo, or grant CAP_BPF "
                            "and CAP_PERFMON";
  if (error == ENOENT || error == ESRCH)
    return "this kernel gives no type information (/sys/kernel/btf/vmlinux): it needs "
           "CONFIG_DEBUG_INFO_BTF";
  if (error == ENOSYS) return "this kernel has no BPF";
  if (is_confidential())
    return "this kernel is locked down to confidentiality, where programs may not read what they "
           "trace; boot with lockdown=integrity, or without it";
  return fmt::format("this kernel refuses the BPF programs ({})", std::strerror(error));
}

void set_sizes(locks_bpf& skeleton, const MapSizes& sizes) {
  bpf_map__set_max_entries(skeleton.maps.processes, sizes.processes);
  bpf_map__set_max_entries(skeleton.maps.images, sizes.processes);
  bpf_map__set_max_entries(skeleton.maps.space_of, sizes.processes);
  bpf_map__set_max_entries(skeleton.maps.threads, sizes.threads);
  bpf_map__set_max_entries(skeleton.maps.words, sizes.words);
  bpf_map__set_max_entries(skeleton.maps.octaves, sizes.octaves);
  bpf_map__set_max_entries(skeleton.maps.sites, sizes.sites);
  bpf_map__set_max_entries(skeleton.maps.stacks, sizes.stacks);
  skeleton.rodata->word_room = sizes.words;
  skeleton.rodata->thread_room = sizes.threads;
}

}  // namespace

void print_only_if_asked() {
  libbpf_set_print(print_if_asked);
}

Result<Skeleton<locks_bpf>> load_lock_programs(const ProbeOptions& options, HookSet set) {
  Skeleton<locks_bpf> skeleton(locks_bpf::open(nullptr));
  if (!skeleton) return fail(Exit::kFailed, cure_for(errno));
  skeleton->rodata->newcomers = static_cast<std::uint32_t>(options.newcomers);
  skeleton->rodata->our_pid_namespace = nested_pid_namespace();
  set_sizes(*skeleton, options.sizes);
  select_programs(skeleton->obj, set);
  bpf_program__set_autoload(skeleton->progs.fork_process, options.follow_forks);
  bpf_program__set_autoload(skeleton->progs.rename_process,
                            options.newcomers == Watched::kUndecided);
  if (const int error = locks_bpf::load(skeleton.get()); error != 0)
    return fail(Exit::kNotAllowed, cure_for(-error));
  return skeleton;
}

Result<Skeleton<locks_bpf>> load_more_programs(const MapNamed& map_named,
                                               const SelectPrograms& select) {
  Skeleton<locks_bpf> skeleton(locks_bpf::open(nullptr));
  if (!skeleton) return fail(Exit::kFailed, cure_for(errno));
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton->obj) {
    if (const int error = bpf_map__reuse_fd(map, map_named(bpf_map__name(map))); error != 0)
      return fail(Exit::kFailed,
                  fmt::format("cannot share {}: {}", bpf_map__name(map), std::strerror(-error)));
  }
  select(skeleton->obj);
  if (const int error = locks_bpf::load(skeleton.get()); error != 0)
    return fail(Exit::kNotAllowed, cure_for(-error));
  return skeleton;
}

}  // namespace cw
