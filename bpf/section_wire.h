/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the programs of sections.bpf.c share with user space. */
#ifndef CW_SECTION_WIRE_H
#define CW_SECTION_WIRE_H

#include "wire.h"

/* Calls of a C library that take locks or let them go; as SectionCall in model/section_event.h. */
enum cw_section_call {
	CW_SECTION_LOCK,
	CW_SECTION_TRY_LOCK,
	CW_SECTION_UNLOCK,
	CW_SECTION_READ,
	CW_SECTION_TRY_READ,
	CW_SECTION_WRITE,
	CW_SECTION_TRY_WRITE,
	CW_SECTION_RW_UNLOCK,
	CW_SECTION_CONDITION_WAIT,
};

/*
 * A probe's cookie says what the program finds where it sits.
 *   bits 3..0    enum cw_section_call
 *   bit  4       the mutex is one of musl's; otherwise one of glibc's
 *   bit  5       the instruction is single-stepped
 *   bits 12..8   register of the lock
 *   bits 20..16  register of the condition variable; CW_SECTION_NO_REGISTER: none
 */
#define CW_SECTION_MUSL 0x10
#define CW_SECTION_STEPPED 0x20
#define CW_SECTION_NO_REGISTER 31

/* One call that passed a probe in the window. */
struct cw_section_event {
	__u64 time_ns;
	__u64 lock;
	__u64 condition; /* CW_SECTION_CONDITION_WAIT */
	__u64 waited_ns; /* end of the thread's last futex wait; 0: none since its last event */
	__u64 waited_on; /* the word of that wait; bit 0: it slept */
	__u64 stack;	 /* 0: not taken */
	__u32 tid;
	__u8 call;
	__u8 flags;
	__u16 padding;
};
CW_ASSERT_SIZE(cw_section_event, 56);

/* Within a hold of a recursive mutex, or a try of what it has: neither takes it nor lets it go. */
#define CW_SECTION_INNER 1
#define CW_SECTION_TAKEN 2 /* another thread had the mutex when this one tried it */

/* By CPU; user space clears them before each window. */
#define CW_SECTION_PLAIN 64
struct cw_section_cpu {
	__u64 hits;    /* runs, those outside of the window included */
	__u64 stepped; /* of `hits`: at instructions that the kernel single-steps */
	__u64 inside;  /* of `hits`: those in the window */
	__u64 inside_stepped;
	__u64 stacks;	   /* taken */
	__u64 next;	   /* events so far, kept or not */
	__u64 full_ns;	   /* when the first one was not; 0: all were */
	__u64 thread;	   /* whose hit was the last one here */
	__u64 switches;	   /* its voluntary ones, then */
	__s64 until_stack; /* acquisitions until a stack is taken; 0: to be drawn */
	/* Mutexes that are neither recursive nor inherit priority, by hash. */
	__u64 plain[CW_SECTION_PLAIN];
};

/* When the probes count; written by user space before they are attached. */
struct cw_section_window {
	__u64 open_ns;
	__u64 close_ns;
	__u32 stacks_one_in; /* 0: none */
	__u32 padding;
};

#endif
