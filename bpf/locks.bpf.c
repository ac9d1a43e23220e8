/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Locks as the kernel sees them. Read in this order: a call (futex_call.h) is a wait (futex_wait.h)
 * or a wake (wake.h) by somebody (identity.h) from somewhere (stack.h, unwind.h); it is booked
 * (wait.h) with its word (word.h).
 *
 *   hooks_*.h, life.h   what happens
 *   calls.h             -> begin_wait, finish_wait, begin_wake, finish_wake
 *   maps.h              -> what user space reads
 */
#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire_requests.h"

#include "maps.h"

#include "identity.h"

#include "log2.h"

#include "word.h"

#include "unwind_maps.h"

#include "unwind.h"

#include "stack.h"

#include "stack_turn.h"

#include "futex_call.h"

#include "wait.h"

#include "futex_wait.h"

#include "wake.h"

#include "calls.h"

#include "hooks_tracepoints.h"

#include "hooks_functions.h"

#include "hooks_compat.h"

#include "hooks_goroutines.h"

#include "life.h"

#include "on_request.h"

#include "task_list.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
