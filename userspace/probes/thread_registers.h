// Where the threads of a process will go on in user code, from the registers that the kernel saved.
#pragma once

#include <cstdint>
#include <map>

#include "model/unwind.h"

struct bpf_program;

namespace cw {

// By thread id. Right for threads that sleep in a system call; of others it may be anything.
// Empty where the kernel has no iterator over tasks. `iterator`: the program list_registers, told
// by `process_id` whose threads to list.
std::map<std::int32_t, Registers> registers_of_threads(const bpf_program* iterator,
                                                       std::uint32_t& process_id, std::int32_t pid);

}  // namespace cw
