#include "probes/features.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "probes/tracefs.h"
#include "probes/uprobe_link.h"

namespace cw {
namespace {

#ifdef __x86_64__
constexpr const char* kFutexFunction = "__x64_sys_futex";
#else
constexpr const char* kFutexFunction = "__arm64_sys_futex";
#endif
constexpr const char* kTypedTracepoint = "btf_trace_sched_process_exit";
constexpr const char* kCallTracepoint = "syscalls/sys_enter_futex";

// The shortest program there is: return 0.
constexpr std::array<bpf_insn, 2> kReturnZero = {
    bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};
using Btf = std::unique_ptr<btf, BtfDeleter>;

struct Kind {
  bpf_prog_type type = BPF_PROG_TYPE_SYSCALL;
  bpf_attach_type attach = bpf_attach_type{};
  int target = 0;  // what it is attached to, by its number in the kernel's BTF
};

Attempt done() {
  return {.made = true, .error = 0, .step = {}};
}
Attempt failed(const char* step, int error) {
  return {.made = true, .error = error != 0 ? error : EINVAL, .step = step};
}

Fd load(const Kind& kind) {
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.expected_attach_type = kind.attach;
  options.attach_btf_id = static_cast<std::uint32_t>(kind.target);
  if (kind.type == BPF_PROG_TYPE_SYSCALL) options.prog_flags = BPF_F_SLEEPABLE;
  return Fd(
      bpf_prog_load(kind.type, "cw_try", "GPL", kReturnZero.data(), kReturnZero.size(), &options));
}

Attempt try_map() {
  const Fd map(bpf_map_create(BPF_MAP_TYPE_HASH, "cw_try", sizeof(int), sizeof(int), 1, nullptr));
  return map ? done() : failed("making one", errno);
}

// A map of maps that are of different sizes.
Attempt try_maps_in_maps() {
  bpf_map_create_opts options{};
  options.sz = sizeof(options);
  options.map_flags = BPF_F_INNER_MAP;
  const Fd inner(
      bpf_map_create(BPF_MAP_TYPE_ARRAY, "cw_try", sizeof(int), sizeof(int), 1, &options));
  if (!inner) return failed("making an inner one", errno);
  options.map_flags = 0;
  options.inner_map_fd = static_cast<std::uint32_t>(inner.get());
  const Fd outer(
      bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "cw_try", sizeof(int), sizeof(int), 1, &options));
  return outer ? done() : failed("making one", errno);
}

void try_program(KernelFeatures& found) {
  const Fd program = load({});
  if (!program) {
    found.programs = failed("loading", errno);
    return;
  }
  bpf_prog_info about{};
  std::uint32_t size = sizeof(about);
  found.compiled =
      bpf_prog_get_info_by_fd(program.get(), &about, &size) == 0 && about.jited_prog_len > 0;
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  found.programs =
      bpf_prog_test_run_opts(program.get(), &options) == 0 ? done() : failed("running", errno);
}

Attempt try_typed_hook(const btf& kernel, bpf_attach_type attach, const char* name) {
  const auto kind = attach == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC;
  const int target = btf__find_by_name_kind(&kernel, name, static_cast<std::uint32_t>(kind));
  if (target <= 0) return failed("finding it", ENOENT);
  const Fd program = load({.type = BPF_PROG_TYPE_TRACING, .attach = attach, .target = target});
  if (!program) return failed("loading", errno);
  const Fd link(bpf_link_create(program.get(), 0, attach, nullptr));
  return link ? done() : failed("attaching", errno);
}

Attempt try_function_hooks(const btf& kernel) {
  const Attempt entry = try_typed_hook(kernel, BPF_TRACE_FENTRY, kFutexFunction);
  return entry.worked() ? try_typed_hook(kernel, BPF_TRACE_FEXIT, kFutexFunction) : entry;
}

Attempt try_call_tracepoint(const Tracefs& tracefs) {
  const auto id = tracefs.event_id(kCallTracepoint);
  if (!id) return failed("finding them", ENOENT);
  const Fd program = load({.type = BPF_PROG_TYPE_TRACEPOINT});
  if (!program) return failed("loading", errno);
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.size = sizeof(attributes);
  attributes.config = *id;
  const Fd event(
      static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) return failed("opening a perf event", errno);
  const Fd link(bpf_link_create(program.get(), event.get(), BPF_PERF_EVENT, nullptr));
  return link ? done() : failed("attaching", errno);
}

// Linux 6.1 loads such a program and refuses to attach it. Attaching to what is no file fails with
// EBADF, but only where attaching is known at all (bpf_uprobe_multi_link_attach(),
// kernel/trace/bpf_trace.c).
Attempt try_many_uprobes(UprobeKind kind) {
  const Fd program =
      load({.type = BPF_PROG_TYPE_KPROBE, .attach = static_cast<bpf_attach_type>(kind)});
  if (!program) return failed("loading", errno);
  constexpr std::array<std::uint64_t, 1> kAnywhere{0};
  const Fd link = attach_uprobes(program.get(), kind, 0,
                                 {.file = "/", .offsets = kAnywhere, .cookies = kAnywhere});
  return link || errno == EBADF ? done() : failed("attaching", errno);
}

}  // namespace

bool can_hook_functions() {
  const Btf kernel(btf__load_vmlinux_btf());
  return kernel && try_function_hooks(*kernel).worked();
}

bool has_many_uprobes() {
  return try_many_uprobes(UprobeKind::kCalls).worked();
}

KernelFeatures try_features() {
  libbpf_set_print(nullptr);
  KernelFeatures found;
  const Btf kernel(btf__load_vmlinux_btf());
  found.type_information = kernel ? done() : failed("reading", errno);
  found.maps = try_map();
  found.maps_in_maps = try_maps_in_maps();
  try_program(found);
  if (kernel) {
    found.typed_tracepoints = try_typed_hook(*kernel, BPF_TRACE_RAW_TP, kTypedTracepoint);
    found.function_hooks = try_function_hooks(*kernel);
  }
  const auto tracefs = Tracefs::open();
  found.tracefs = tracefs ? done() : failed("opening", errno);
  if (tracefs) found.call_tracepoints = try_call_tracepoint(*tracefs);
  found.many_uprobes = try_many_uprobes(UprobeKind::kCalls);
  found.uprobe_sessions = try_many_uprobes(UprobeKind::kSession);
  return found;
}

bool may_make_maps() {
  return Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "cw_try", sizeof(int), sizeof(int), 1, nullptr))
             .get() >= 0;
}

Fd time_programs() {
  return Fd(bpf_enable_stats(BPF_STATS_RUN_TIME));
}

}  // namespace cw
