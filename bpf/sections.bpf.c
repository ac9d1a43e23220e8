/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The calls of a C library that take locks and let them go, while probes are attached there
 * (section_hit.h).
 *
 * User space has the maps of locks.bpf.c shared: who waits for a lock is seen there.
 */
#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "section_wire.h"

#include "maps.h"

#include "identity.h"

#include "unwind_maps.h"

#include "unwind.h"

#include "stack.h"

#include "section_maps.h"

#include "probed_register.h"

#include "draw.h"

#include "section_hit.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
