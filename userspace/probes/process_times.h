// What the watched processes have used, read in one pass over the kernel's tasks: /proc takes three
// system calls a thread for it.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "model/error.h"
#include "model/process_times.h"

struct bpf_program;

namespace cw {

// By process id. `iterator`: the program list_times. It goes over all tasks of the machine, also
// for one process: over the threads of a process alone it ends where one that it stood at has ended
// (task_group_seq_get_next() in kernel/bpf/task_iter.c). Errors: kNotAllowed.
Result<std::unordered_map<std::int32_t, ProcessTimes>> read_process_times(
    const bpf_program* iterator);

}  // namespace cw
