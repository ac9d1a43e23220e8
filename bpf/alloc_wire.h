/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the programs of alloc.bpf.c share with user space; the locks' part is in wire.h. */
#ifndef CW_ALLOC_WIRE_H
#define CW_ALLOC_WIRE_H

#include "wire.h"

/* System calls that change how much memory a process has, since we attached; by process id. */
struct cw_memory_calls {
	__u64 brk;
	__u64 mmap;
	__u64 munmap;
	__u64 madvise;
};

/* Page faults by stack. */
struct cw_fault_key {
	__u64 stack;
	__u32 tgid;
	__u32 padding;
};
CW_ASSERT_SIZE(cw_fault_key, 16);

#define CW_ALLOCATORS 4	    /* of one process, probed at once */
#define CW_SIZE_BUCKETS 304 /* those of model/histogram.h below 2^40 bytes */

/*
 * A probe's cookie says what the program finds where it sits.
 *   bits 3..0    number of the allocator, below CW_ALLOCATORS
 *   bit  4       the call frees; otherwise it allocates
 *   bit  5       the instruction is single-stepped
 *   bits 12..8   register of the size, or of the pointer to free; CW_NO_REGISTER: none
 *   bits 20..16  register that the size is multiplied by; CW_NO_REGISTER: none
 *   bits 28..24  register of the block that is resized; NULL: it is another site's call
 *   bits 39..32  number in `alloc_callers` of the functions whose calls are not counted; 0: none
 */
#define CW_COOKIE_FREE 0x10
#define CW_COOKIE_STEPPED 0x20
#define CW_NO_REGISTER 31

#define CW_CALLERS 4	   /* ranges of one site */
#define CW_CALLER_SITES 64 /* sites that have any */

/* Functions of the allocator whose own calls of a site are part of a call that is counted. */
struct cw_alloc_callers {
	__u64 start[CW_CALLERS]; /* addresses in the process; 0: no more */
	__u64 end[CW_CALLERS];
	__u64 pushed; /* the return address is at the stack pointer plus this */
};

/* Counted by CPU, for each allocator; they only grow. */
struct cw_alloc_counts {
	__u64 allocs;
	__u64 frees;
	__u64 bytes;
	__u64 stacks;  /* taken */
	__u64 hits;    /* runs, those outside of the window included */
	__u64 stepped; /* of `hits`: at instructions that the kernel single-steps */
	__u64 inside;  /* of `hits`: those in the window */
	__u64 inside_stepped;
	__u64 gaps;	   /* times between two hits by one thread in one window */
	__u64 gap_ns;	   /* their sum, less what the thread waited for a CPU */
	__u64 window;	   /* the window that `until_stack` is of, by its open_ns */
	__s64 until_stack; /* allocations until the next stack is taken */
	__u64 sizes[CW_SIZE_BUCKETS];
};

/* A thread's last hit. */
struct cw_alloc_thread {
	__u64 window; /* that it was in, by its open_ns */
	__u64 last_ns;
	__u64 run_delay_ns; /* task's sched_info.run_delay then */
};

/* When the probes count; written by user space before they are attached. */
struct cw_alloc_window {
	__u64 open_ns;
	__u64 close_ns;
	__u32 target; /* whose window it is: a number that user space gives to processes */
	__u32 stacks_one_in;
};

struct cw_alloc_site_key {
	__u64 stack;
	__u32 target;
	__u32 allocator;
};
CW_ASSERT_SIZE(cw_alloc_site_key, 16);

struct cw_alloc_site {
	__u64 allocs; /* rescaled */
	__u64 bytes;
};

#endif
