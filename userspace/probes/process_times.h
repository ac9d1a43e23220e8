// What the watched processes have used, read in one pass over the kernel's tasks: /proc takes three
// system calls a thread for it.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "model/process_times.h"

struct bpf_program;

namespace cw {

// By process id; empty where the iterator cannot be had. `iterator`: the program list_times.
// `only`: the one process that is watched, if there is but one.
std::optional<std::unordered_map<std::int32_t, ProcessTimes>> read_process_times(
    const bpf_program* iterator, std::optional<std::int32_t> only);

}  // namespace cw
