/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The maps of lives.bpf.c beside those that it shares with the locks' programs (maps.h). */
#ifndef CW_LIFE_MAPS_H
#define CW_LIFE_MAPS_H

struct cw_life_window life_window;

/* Handed out one by one in each window; user space starts again from 0, with nothing attached. */
__u32 next_life;
struct cw_life lives[CW_LIVES];

CW_HASH(life_of, __u64, __u32, CW_LIVES);			      /* by address of the block */
CW_HASH(life_threads, __u32, struct cw_life_thread, CW_LIFE_THREADS); /* by thread id */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cw_life_counts);
} life_counts SEC(".maps");

#endif
