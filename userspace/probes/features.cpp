#include "probes/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdint>

namespace cw {

bool may_use_maps() {
  std::uint32_t key = 0;
  std::uint32_t value = 0;
  // No map has this number: whoever is let in is told so.
  return bpf_map_lookup_elem(-1, &key, &value) != 0 && errno != EPERM;
}

}  // namespace cw
