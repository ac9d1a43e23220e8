#include "probes/shared_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace cw {
namespace {

// Without these a program that is loaded apart is of no use.
constexpr auto kNeeded = std::to_array<const char*>({"processes", "stacks"});

constexpr std::string_view kSharedVariables = ".data.unwind";

bool is_one_of(std::string_view name, std::span<const char* const> names) {
  return std::ranges::any_of(names, [&](const char* known) { return name == known; });
}

}  // namespace

// A map's full name, unlike the kernel's, is not cut.
Result<void> share_maps(bpf_object* object, const LockProbes& locks,
                        std::span<const char* const> ours) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const char* name = bpf_map__name(map);
    const bool own_variables = bpf_map__is_internal(map) && name != kSharedVariables;
    if (own_variables || is_one_of(name, ours)) continue;
    const int shared = locks.shared_map(name);
    // All that the locks have is theirs: programs of ours that are loaded use what they know.
    const int error =
        shared >= 0 ? bpf_map__reuse_fd(map, shared) : bpf_map__set_autocreate(map, false);
    if (error != 0 && is_one_of(name, kNeeded))
      return fail(Exit::kFailed, fmt::format("cannot share {}: {}", name, std::strerror(-error)));
  }
  return {};
}

}  // namespace cw
