#include "probes/thread_registers.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "model/fd.h"
#include "wire_requests.h"

namespace cw {
namespace {

// Over the threads of one process; before Linux 6.1 only over all.
Fd link_iterator(const bpf_program* iterator, std::int32_t pid) {
  bpf_iter_link_info which{};
  which.task.pid = static_cast<std::uint32_t>(pid);
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.iter_info = &which;
  options.iter_info_len = sizeof(which);
  const int program = bpf_program__fd(iterator);
  Fd link(bpf_link_create(program, 0, BPF_TRACE_ITER, &options));
  if (!link) link = Fd(bpf_link_create(program, 0, BPF_TRACE_ITER, nullptr));
  return link;
}

}  // namespace

std::map<std::int32_t, Registers> registers_of_threads(const bpf_program* iterator,
                                                       std::uint32_t& process_id,
                                                       std::int32_t pid) {
  std::map<std::int32_t, Registers> found;
  std::atomic_ref(process_id).store(static_cast<std::uint32_t>(pid));
  const Fd link = link_iterator(iterator, pid);
  if (!link) return found;
  const Fd list(bpf_iter_create(link.get()));
  if (!list) return found;
  std::array<cw_registers, 128> batch{};
  for (;;) {
    const ssize_t got = ::read(list.get(), batch.data(), sizeof(batch));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return found;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(cw_registers); ++i) {
      const cw_registers& one = batch.at(i);
      found[static_cast<std::int32_t>(one.tid)] = {.pc = one.pc, .sp = one.sp, .fp = one.fp};
    }
  }
}

}  // namespace cw
