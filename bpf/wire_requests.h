/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the programs that user space runs itself are told, and what they answer. */
#ifndef CW_WIRE_REQUESTS_H
#define CW_WIRE_REQUESTS_H

#include "wire.h"

/* What the iterator `list_registers` writes of each thread of a process. */
struct cw_registers {
	__u64 pc;
	__u64 sp;
	__u64 fp;
	__u32 tid;
	__u32 padding;
};
CW_ASSERT_SIZE(cw_registers, 32);

/* What the iterator `list_times` writes of each thread. */
struct cw_thread_times {
	__u64 cpu_ns;
	__u64 run_delay_ns;
	__u64 ended_cpu_ns; /* of its process's threads that ended */
	__u32 tgid;
	__u32 runnable; /* on a CPU, or waiting for one */
};
CW_ASSERT_SIZE(cw_thread_times, 32);

/* Argument of the program `seed`: a thread found waiting before the hooks saw it begin. */
struct cw_seed {
	struct cw_word_key word; /* space is filled in for CW_PRIVATE */
	__u64 stack;
	__u64 read_ns; /* when /proc was read: a hook run since then makes the seed obsolete */
	__u32 tid;
	__u32 tgid;
	__u32 value;
	__u16 op;
	__u8 on_own_stack;
	__u8 padding;
	char comm[CW_COMM];
};
CW_ASSERT_SIZE(cw_seed, 72);

/* Argument of the program `decide`: whether an undecided process is watched. */
struct cw_decide {
	__u32 tgid;
	__u32 generation; /* as read: a process renamed since then is another question */
	__u32 watched;
	__u32 padding;
};
CW_ASSERT_SIZE(cw_decide, 16);

/* Argument of the program `reap`: a wait that is over though no hook saw it end. */
struct cw_reap {
	__u64 start_ns; /* 0: whichever wait was seeded */
	__u32 tid;
	__u32 lost; /* how many lost waits to count for it */
};
CW_ASSERT_SIZE(cw_reap, 16);

/* Argument of the program `add_stack`: the stack of a wait in progress. */
struct cw_late_stack {
	__u64 start_ns;
	__u64 stack;
	__u32 tid;
	__u32 unused;
};
CW_ASSERT_SIZE(cw_late_stack, 24);

/* Argument of the program `settle`: a word whose number of waiters does not fit the threads'. */
struct cw_settle {
	struct cw_word_key word;
};
CW_ASSERT_SIZE(cw_settle, 24);

/*
 * Argument of the program `join_polls`: a word whose waiters time out and wait again, such as
 * CPython's GIL. From then on a run of such waits is one: a thread that is back on the word, having
 * run no longer than CW_POLL_GAP since it timed out, goes on with the wait it was in. While it is
 * not on the word it is not counted as a waiter.
 */
#define CW_POLL_GAP 500000 /* ns */
struct cw_polled {
	struct cw_word_key word;
};
CW_ASSERT_SIZE(cw_polled, 24);

#endif
