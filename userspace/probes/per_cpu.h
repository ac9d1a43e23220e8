// Reading values that the kernel keeps for each CPU.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cw {

// One for each CPU there may be, in their order; empty: they cannot be read.
template <typename Value>
std::vector<Value> read_by_cpu(int map, std::uint32_t key) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return {};
  std::vector<Value> values(static_cast<std::size_t>(cpus));
  if (bpf_map_lookup_elem(map, &key, values.data()) != 0) return {};
  return values;
}

}  // namespace cw
