// Where the memory programs of alloc.bpf.c are attached.
#pragma once

#include <bpf/libbpf.h>

#include "model/error.h"
#include "probes/lock_hooks.h"

namespace cw {

// Chooses the programs to load for a set of hooks; kNone: none that sees memory calls.
void select_memory_programs(bpf_object* object, HookSet set);

// The calls brk, mmap, munmap and madvise, by functions or by tracepoints. Where the locks' hooks
// are tracepoints too, the tax on other calls is paid already: any of them makes every system call
// of the machine take the traced path (SYSCALL_WORK_SYSCALL_TRACEPOINT).
Result<AttachedHooks> attach_memory_calls(bpf_object* object, HookSet set);

// A software event on every CPU, of which the kernel picks so many a second; a fault that is not
// picked costs some nanoseconds, everybody's. Needs CAP_PERFMON.
Result<AttachedHooks> attach_fault_samples(bpf_program* program);

}  // namespace cw
