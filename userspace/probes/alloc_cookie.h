// What the kernel side is told of a probe on a call of an allocator: bpf/alloc_wire.h.
#pragma once

#include <cstdint>

#include "probes/alloc_probes.h"

namespace cw {

// Numbers the sites whose calls do not all count, and writes into the map `alloc_callers` (a
// descriptor) from where they do not.
class NestedCallers {
 public:
  explicit NestedCallers(int map) : map_(map) {}

  // The site's number, for its cookie; 0: all its calls count, or there is no room.
  std::uint64_t number(const AllocProbe& probe);

 private:
  int map_;
  std::uint32_t last_ = 0;
};

// `callers`: from NestedCallers.
std::uint64_t cookie_of(const AllocProbe& probe, std::uint64_t callers);

}  // namespace cw
