/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the programs of lives.bpf.c share with user space. */
#ifndef CW_LIFE_WIRE_H
#define CW_LIFE_WIRE_H

#include "alloc_wire.h"

#define CW_LIVES 1024	     /* blocks followed in one window; a power of two */
#define CW_LIFE_THREADS 4096 /* that allocate or free in one window */

/*
 * A cookie as in alloc_wire.h, but
 *   bits 28..24  register of the block that is resized, or of where the result is stored
 *   bit  6       it is the latter, and the call returns 0 when it has stored one
 *   bit  7       a call without a block to resize is another site's call
 */
#define CW_COOKIE_RESULT_AT 0x40
#define CW_COOKIE_HANDS_OVER 0x80

/* A block from the call that made it to the one that gave it back. */
struct cw_life {
	__u64 block;
	__u64 stack;
	__u64 bytes;
	__u64 call_ns; /* when the call passed its probe, and when it returned */
	__u64 born_ns;
	__u64 ended_ns; /* 0: not yet */
	__u32 allocator;
	__u32 born_tid;
	__u32 ended_tid;
	/* What the thread that made it had met by then; and by the end, if it is the same that
	 * ends it. */
	__u32 born_hits;
	__u32 born_samples;
	__u32 ended_hits;
	__u32 ended_samples;
	__u32 padding;
};
CW_ASSERT_SIZE(cw_life, 80);

/* A thread in the window, by its id; and the call it is in whose result is awaited. */
struct cw_life_thread {
	__u32 hits;
	__u32 samples;
	__u64 sp; /* of that call, at its first instruction; 0: none is awaited */
	__u64 stack;
	__u64 bytes;
	__u64 call_ns;
	__u64 result_at;
	__u64 block;   /* that it resizes */
	__u32 resized; /* its life's number + 1; 0: it is not followed */
	__u32 allocator;
	__u32 sampled; /* the result is to be followed */
	__u32 padding;
};

/* Counted by CPU; only grows. */
struct cw_life_counts {
	__u64 hits; /* runs, those outside of the window included */
	__u64 stepped;
	__u64 inside; /* of `hits`: those in the window */
	__u64 inside_stepped;
	__u64 samples; /* calls whose result was awaited */
	__u64 window;  /* that `until_sample` is of, by its open_ns */
	__s64 until_sample;
};

/* When blocks are followed; written by user space. */
struct cw_life_window {
	__u64 open_ns;
	__u64 close_ns;
	__u32 one_in; /* calls, on average, has its block followed; 0: none */
	__u32 stacks; /* whether its stack is taken */
};

#endif
