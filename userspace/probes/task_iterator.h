// Reads what one of our iterators over tasks writes: records of one kind.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

#include "model/fd.h"

namespace cw {

// Calls `each` with every record; false, and errno, when the iterator cannot be had. `process`:
// over its threads alone, where the kernel has that (Linux 6.1), else over all of the machine.
template <typename Record, typename Each>
bool for_each_task(const bpf_program* iterator, std::optional<std::int32_t> process, Each each) {
  bpf_iter_link_info which{};
  which.task.pid = static_cast<std::uint32_t>(process.value_or(0));
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.iter_info = &which;
  options.iter_info_len = sizeof(which);
  const int program = bpf_program__fd(iterator);
  Fd link(process ? bpf_link_create(program, 0, BPF_TRACE_ITER, &options) : -1);
  if (!link) link = Fd(bpf_link_create(program, 0, BPF_TRACE_ITER, nullptr));
  if (!link) return false;
  const Fd list(bpf_iter_create(link.get()));
  if (!list) return false;
  std::array<Record, 256> batch{};
  for (;;) {
    const ssize_t got = ::read(list.get(), batch.data(), sizeof(batch));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return got == 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(Record); ++i)
      each(batch.at(i));
  }
}

}  // namespace cw
