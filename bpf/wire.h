/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the kernel side and user space share: keys and values of the maps. Fixed-width types and
 * asserted sizes, so that both compilers agree.
 */
#ifndef CW_WIRE_H
#define CW_WIRE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define CW_ASSERT_SIZE(type, size) static_assert(sizeof(struct type) == (size))
#else
#define CW_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#endif

/*
 * A word's state, one 64-bit value so that one compare-and-swap moves it:
 *   bits 63..46  threads waiting        (at most 262,143)
 *   bits 45..0   when that last changed (ticks of 64 ns of CLOCK_MONOTONIC, modulo 52 days)
 */
#define CW_TICK_SHIFT 6
#define CW_STATE_SHIFT 46
#define CW_STATE_TIME ((1ULL << CW_STATE_SHIFT) - 1)

#define CW_MAX_DEPTH 127 /* frames of a stack, the kernel's own bound (perf_event_max_stack) */
#define CW_COMM 16	 /* TASK_COMM_LEN */

/* Commands of our own for the futex2 system calls, beside those of <linux/futex.h>. */
#define CW_OP_WAITV 0x7d
#define CW_OP_WAIT2 0x7e
/* And one for what is no system call: a goroutine waits for, or lets go of, a semaphore of Go's
 * runtime. */
#define CW_OP_GOROUTINE 0x7c

/* Set in the number of a goroutine where the number of a thread could stand: no thread's is as
 * large (PID_MAX_LIMIT, include/linux/threads.h). */
#define CW_GOROUTINE (1U << 31)

/*
 * A program whose goroutines' probes are in place has one of so many places. A probe's cookie: that
 * place in the upper half; in the lower, of the probe where goroutines wait, two offsets above the
 * stack pointer, of 16 bits: of the semaphore's address, and of the profile's flags.
 */
#define CW_GO_PLACES 4
#define CW_GO_PLACE_SHIFT 32

enum cw_scope {
	CW_PRIVATE = 0, /* space: image id,     address: virtual address */
	CW_FILE = 1,	/* space: inode number, address: byte offset in the file, device: dev_t */
};

struct cw_word_key {
	__u64 space;
	__u64 address;
	__u32 device;
	__u32 scope;
};
CW_ASSERT_SIZE(cw_word_key, 24);

/* How the stacks of one role, waiters or wakers, of one word are sampled: see CW_STACKS_NAMED. */
struct cw_stack_turn {
	__u32 look;
	__u32 events; /* in this look */
	__u16 taken;  /* in this look, at this rate */
	__u8 shift;   /* one in 1 << shift is taken */
	__u8 padding;
};
CW_ASSERT_SIZE(cw_stack_turn, 12);

struct cw_word {
	__u64 state;
	__u64 waiting;	    /* ticks x threads, up to the last change of `state` */
	__u64 busy;	    /* ticks with at least one waiter, likewise */
	__u64 charged_mark; /* `waiting` when the last charged wake began */
	__u64 busy_mark;    /* `busy` then */
	__u64 charged_ns;   /* threads x time charged to wakes */
	__u64 woken;
	__u64 timed_out;
	__u64 interrupted;
	__u64 raced;
	__u64 failed;
	__u64 at_least; /* completed waits that began before we attached */
	__u64 wait_ns;
	__u64 runnable_ns;
	__u64 distinct[2]; /* threads that waited, in polls with even and with odd numbers */
	__u64 wakes;
	__u64 repeats;
	__u64 value_changes;
	__u64 requeue_ns; /* when waiters were last moved to another word */
	__u32 requeued;	  /* waiters that began before requeue_ns and may sleep on another word */
	__u32 id;
	__u32 first_value;
	__u32 last_value;
	struct cw_stack_turn turn[2]; /* waiters', wakers' */
	/* The newest waiter's, for words none of whose stacks was taken. */
	__u32 last_image;
	__u16 last_op;
	__u8 last_value_class;
	__u8 last_on_own_stack;
	/* Its waiters time out and wait again: set by user space, see struct cw_polled. */
	__u32 polled;
	__u32 padding;
};
CW_ASSERT_SIZE(cw_word, 216);

#define CW_STACK_REACH \
	4096 /* a word this near above the stack pointer is on the waiter's own stack */

/*
 * Taking a stack costs more than everything else together, so user space grants a number of them
 * for the time until it looks again, and says after how many of one word's, and role's, only half
 * as many events have theirs taken. Each look begins at the rate that would have done for the one
 * before, so that whatever a word's rate it gets about as many, spread over the time. A stack taken
 * with chance 1 / k stands for k events. The last of what was granted is for the first few of words
 * that are not busy.
 */
#define CW_STACKS_NAMED 4
#define CW_STACK_REFUSED 0xffffffffU /* a weight: it was wanted, and not granted */
#define CW_STACK_SHIFT_MAX 20

/*
 * When no more than one place in CW_RESERVE is left for words, a newcomer gets one only after it
 * was refused CW_KNOCKS times within a poll: a flood of words used once leaves room for a busy one.
 */
#define CW_RESERVE 8
#define CW_KNOCKS 64
#define CW_KNOCK_SLOTS 65536

enum cw_distribution {
	CW_WAIT_TIME = 0,
	CW_WAKE_GAP = 1,
};

/* Eight buckets of a word's histogram, those of one power of two (see model/histogram.h). */
struct cw_octave_key {
	__u32 word;
	__u16 octave;	    /* bucket / 8 */
	__u16 distribution; /* enum cw_distribution */
};
CW_ASSERT_SIZE(cw_octave_key, 8);

struct cw_octave {
	__u64 count[8];
};

enum cw_role {
	CW_WAITER = 0,
	CW_WAKER = 1,
};

/* What the waiter expected in the word, as far as it tells primitives apart. */
enum cw_value_class {
	CW_VALUE_ZERO,
	CW_VALUE_ONE,
	CW_VALUE_TWO,
	CW_VALUE_THREE,
	CW_VALUE_HIGH_BIT,
	CW_VALUE_ALL_ONES,
	CW_VALUE_OTHER,
};

struct cw_site_key {
	__u64 stack;
	__u32 word;
	__u32 image;
	__u16 op;
	__u8 value_class;
	__u8 role; /* enum cw_role */
	__u32 padding;
};
CW_ASSERT_SIZE(cw_site_key, 24);

struct cw_site {
	__u64 count;
	__u64 ns;	    /* waiters: wait time; wakers: charge */
	__u64 on_own_stack; /* waiters: waits on a word that lies on the waiter's own stack */
};

enum cw_call {
	CW_CALL_NONE = 0,
	CW_CALL_WAIT = 1,
	CW_CALL_RESTART = 2, /* a wait that a signal interrupted and that may go on */
	CW_CALL_WAKE = 3,
};

/*
 * A wait that timed out on a polled word and may go on; see struct cw_polled. Kept beside the call
 * that a thread is in: on its way back to the word it may wait for and wake others.
 */
struct cw_poll {
	struct cw_word_key word;
	__u64 address;
	__u64 start_ns;
	__u64 run_delay_ns;    /* as of the start */
	__u64 timed_out_ns;    /* 0: there is none */
	__u64 timed_out_delay; /* task's run_delay then */
	__u64 stack;
	__u32 word_id;
	__u32 value;
	__u32 weight;
	__u16 op;
	__u8 value_class;
	__u8 flags; /* bit 0: on_own_stack, bit 1: at_least */
};
CW_ASSERT_SIZE(cw_poll, 88);

/* The futex call that a thread is in, and what is remembered of the one before. */
struct cw_thread {
	struct cw_word_key word;
	__u64 start_ns;
	__u64 joined;	    /* tick at which it was added to the word's waiters */
	__u64 run_delay_ns; /* task's sched_info.run_delay at the start */
	__u64 switches;	    /* task's voluntary context switches at the start */
	__u64 stack;
	__u64 last_event_ns; /* newest hook run for this thread */
	__u64 mark;	     /* a wake: the word's `waiting` when it began */
	__u64 busy_mark;     /* a wake: the word's `busy` when it began */
	__u64 second_mark;   /* FUTEX_WAKE_OP: likewise for the second word */
	__u64 second_busy_mark;
	__u64 second_address;
	__u32 image;
	__u32 tgid;
	__u32 word_id; /* 0: the word could not be kept */
	__u32 value;   /* a wait: expected value; a wake: most waiters to wake */
	__u32 seen_word;
	__u32 seen_epoch;
	__u32 woken_word; /* word on which this thread was last woken */
	__u32 woken_value;
	__u32 waiters; /* a wake: threads waiting on the word when it began */
	__u16 op;
	__u8 call; /* enum cw_call */
	__u8 value_class;
	__u8 on_own_stack;
	__u8 at_least;
	__u8 slept; /* the wait was interrupted once and went on; 2: it timed out and went on */
	__u8 shared;
	__u32 weight; /* waits that its stack stands for; 0: it was not taken, yet */
	struct cw_poll poll;
	__u64 waited_ns; /* when its last wait ended */
	__u64 waited_on; /* address of that one's word; bit 0: it slept */
};
CW_ASSERT_SIZE(cw_thread, 264);

enum cw_watched {
	CW_UNWATCHED = 0,
	CW_WATCHED = 1,
	CW_UNDECIDED = 2, /* counted until user space has decided by its name or control group */
};

struct cw_process {
	__u32 image;	  /* 0: none yet, it never waited */
	__u32 watched;	  /* enum cw_watched */
	__u32 generation; /* changes whenever what user space decided by may have changed */
};
CW_ASSERT_SIZE(cw_process, 12);

struct cw_image {
	__u64 ended_ns;
	__u64 exited_cpu_ns;
	__u64 exited_delay_ns;
	__u32 pid;
	__u32 watched;
	char comm[CW_COMM];
};
CW_ASSERT_SIZE(cw_image, 48);

/* How the walk of a stack ended. */
enum cw_stack_end {
	CW_END_OUTERMOST = 0, /* at a function that nothing called */
	CW_END_TOO_DEEP,
	CW_END_NO_RULE,	   /* call frame information that no rule can say */
	CW_END_UNREADABLE, /* memory that is not there, or paged out */
	CW_END_ASTRAY,	   /* a stack pointer that did not move up: a damaged or foreign stack */
	CW_END_NO_TABLES,  /* walked by frame pointers alone: no rows of this process are loaded */
	CW_END_SEEDED,	   /* found waiting when we came */
};

/* User addresses have at most 57 bits; those above say what is known of a frame. */
#define CW_FRAME_ADDRESS ((1ULL << 57) - 1)
#define CW_FRAME_METHOD (1ULL << 61)  /* no code: where an interpreter keeps the method it runs */
#define CW_FRAME_EXACT (1ULL << 62)   /* an instruction about to run, not a return address */
#define CW_FRAME_GUESSED (1ULL << 63) /* by the frame pointer, where there is no row */

struct cw_stack {
	__u32 depth;
	__u32 end; /* enum cw_stack_end */
	__u64 address[CW_MAX_DEPTH];
};
CW_ASSERT_SIZE(cw_stack, 1024);

/*
 * How to step from a frame to its caller, see model/unwind.h. Rules are interned: libc's 28,000
 * rows share 300.
 */
struct cw_unwind_rule {
	__u8 cfa; /* enum cw_cfa */
	__u8 fp;  /* enum cw_saved_fp */
	__u16 number;
	__s32 cfa_offset;
	__s32 cfa_plus;
	__s32 fp_offset;
};
CW_ASSERT_SIZE(cw_unwind_rule, 16);

enum cw_cfa {
	CW_CFA_NONE,
	CW_CFA_SP,
	CW_CFA_FP,
	CW_CFA_DEREF_SP,
	CW_CFA_DEREF_FP,
	CW_CFA_PLT,
	CW_CFA_REGISTER,
	CW_CFA_SIGNAL, /* from here on no CFA leads out */
	CW_CFA_END,
	CW_CFA_OTHER_STACK,
	CW_CFA_INTERPRETED,
};

enum cw_saved_fp {
	CW_FP_SAME,
	CW_FP_AT_CFA,
	CW_FP_AT_FP,
	CW_FP_AT_SP,
	CW_FP_LOST,
};

#define CW_UNWIND_RULES 65536 /* distinct ones, of all files together */

/*
 * The rows of one file: pages of CW_PAGE_ROWS rows, ascending. Page 0 is the index: its pc[i] is
 * the first one of page i + 1. Unused places hold CW_NO_ROW.
 */
#define CW_PAGE_ROWS 1024
#define CW_NO_ROW 0xffffffffU
struct cw_row_page {
	__u32 pc[CW_PAGE_ROWS];	  /* from the table's base */
	__u16 rule[CW_PAGE_ROWS]; /* the row holds up to the next one's pc */
};
CW_ASSERT_SIZE(cw_row_page, 6144);

/*
 * The code that a process has mapped: pages of CW_PAGE_RANGES ranges, ascending by start; page 0 is
 * the index, as above. Processes with the same code share one such space.
 */
#define CW_PAGE_RANGES 128
#define CW_NO_RANGE 0x7fffffffffffffffULL
struct cw_code_range {
	__u64 end;
	__u64 bias;	 /* what to subtract from an address for the table's pc */
	__u32 table;	 /* 0: none, frame pointers only */
	__u32 generated; /* as the process goes: a gap may be filled by now */
};
struct cw_range_page {
	__u64 start[CW_PAGE_RANGES];
	struct cw_code_range range[CW_PAGE_RANGES];
};
CW_ASSERT_SIZE(cw_range_page, 4096);

#define CW_UNWIND_TABLES 4096
#define CW_CODE_SPACES 4096

struct cw_seen_key {
	__u32 word;
	__u32 tid;
};

/* What the hooks cost, by CPU. One run in CW_COST_SAMPLE is timed, and one stack in
 * CW_STACK_COST_SAMPLE. */
#define CW_COST_SAMPLE 32
#define CW_STACK_COST_SAMPLE 8
struct cw_cost {
	__u64 runs; /* hook runs for watched threads */
	__u64 timed_runs;
	__u64 timed_ns;
	__u64 stacks_wanted;
	__u64 stacks_taken;
	__u64 timed_stacks;
	__u64 timed_stacks_ns;
};

#endif
