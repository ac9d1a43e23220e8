/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Memory as the kernel sees it: the calls and faults by which processes get it (alloc_memory.h),
 * and the calls into their allocators, while probes are attached there (alloc_hit.h).
 *
 * User space has `processes` and `stacks` shared with locks.bpf.c: who is watched is decided once.
 */
#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "alloc_wire.h"

#include "maps.h"

#include "identity.h"

#include "unwind_maps.h"

#include "unwind.h"

#include "stack.h"

#include "alloc_maps.h"

#include "log2.h"

#include "alloc_memory.h"

#include "probed_register.h"

#include "draw.h"

#include "alloc_call.h"

#include "alloc_hit.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
