#include "probes/alloc_cookie.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstddef>

#include "alloc_wire.h"

namespace cw {

std::uint64_t NestedCallers::number(const AllocProbe& probe) {
  if (probe.nested_in.empty() || last_ + 1 >= CW_CALLER_SITES) return 0;
  cw_alloc_callers callers{};
  callers.pushed = probe.pushed;
  for (std::size_t i = 0; i < std::min<std::size_t>(probe.nested_in.size(), CW_CALLERS); ++i) {
    callers.start[i] = probe.nested_in[i].start;
    callers.end[i] = probe.nested_in[i].end;
  }
  ++last_;
  bpf_map_update_elem(map_, &last_, &callers, BPF_ANY);
  return last_;
}

std::uint64_t cookie_of(const AllocProbe& probe, std::uint64_t callers) {
  const std::uint64_t first = probe.first.value_or(CW_NO_REGISTER);
  const std::uint64_t factor = probe.factor.value_or(CW_NO_REGISTER);
  const std::uint64_t resized = probe.resized.value_or(CW_NO_REGISTER);
  return probe.allocator | (probe.frees ? CW_COOKIE_FREE : 0U) |
         (probe.emulated ? 0U : CW_COOKIE_STEPPED) | first << 8U | factor << 16U | resized << 24U |
         callers << 32U;
}

}  // namespace cw
