/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A futex call, whichever system call, ABI and hook it came through. */
#ifndef CW_FUTEX_CALL_H
#define CW_FUTEX_CALL_H

/* include/uapi/linux/futex.h */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define FUTEX_LOCK_PI2 13
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_CMD_MASK 0x7f
#define FUTEX2_PRIVATE FUTEX_PRIVATE_FLAG

/* arch/x86/entry/syscalls/syscall_64.tbl, scripts/syscall.tbl; from 424 on all ABIs agree */
#ifdef __TARGET_ARCH_x86
#define NR_FUTEX 202
#else
#define NR_FUTEX 98
#endif
#define NR_FUTEX_WAITV 449
#define NR_FUTEX_WAKE 454
#define NR_FUTEX_WAIT 455
#define NR_FUTEX_REQUEUE 456

struct futex_call {
	__u64 address;
	__u64 second_address; /* FUTEX_WAKE_OP: the other word */
	__u32 value;	      /* a wait: expected value; a wake: most waiters to wake */
	__u16 op;	      /* as struct cw_thread has it */
	__u8 kind;	      /* enum cw_call */
	bool shared;
};

static __always_inline __u8 kind_of(__u32 command)
{
	switch (command) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return CW_CALL_WAIT;
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
	case FUTEX_WAKE_OP:
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_CMP_REQUEUE_PI:
	case FUTEX_UNLOCK_PI:
		return CW_CALL_WAKE;
	}
	return CW_CALL_NONE;
}

/* futex(2), as do_futex() in kernel/futex/syscalls.c gets it. */
static __always_inline void from_futex(struct futex_call *call, __u64 address, __u32 op,
				       __u32 value, __u64 second_address)
{
	__u32 command = op & FUTEX_CMD_MASK;

	call->address = address;
	call->second_address = command == FUTEX_WAKE_OP ? second_address : 0;
	call->value = command == FUTEX_UNLOCK_PI ? 1 : value;
	call->op = op & (FUTEX_CMD_MASK | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	call->kind = kind_of(command);
	call->shared = !(op & FUTEX_PRIVATE_FLAG);
}

/* futex_wait(2) and futex_wake(2), Linux 6.7. */
static __always_inline void from_futex2(struct futex_call *call, __u8 kind, __u64 address,
					__u32 value, __u32 flags)
{
	call->address = address;
	call->second_address = 0;
	call->value = value;
	call->op = (kind == CW_CALL_WAIT ? CW_OP_WAIT2 : FUTEX_WAKE) | (flags & FUTEX2_PRIVATE);
	call->kind = kind;
	call->shared = !(flags & FUTEX2_PRIVATE);
}

/*
 * futex_waitv(2), Linux 5.16, and futex_requeue(2), Linux 6.7, take an array of words. A wait on
 * several words at once is kept under the first; a requeue wakes on the first.
 */
static __always_inline bool from_vector(struct futex_call *call, __u8 kind, __u64 vector,
					__u32 most)
{
	struct futex_waitv first;

	if (bpf_probe_read_user(&first, sizeof(first), (void *)vector))
		return false;
	call->address = first.uaddr;
	call->second_address = 0;
	call->value = kind == CW_CALL_WAIT ? first.val : most;
	call->op = (kind == CW_CALL_WAIT ? CW_OP_WAITV : FUTEX_CMP_REQUEUE) |
		   (first.flags & FUTEX2_PRIVATE);
	call->kind = kind;
	call->shared = !(first.flags & FUTEX2_PRIVATE);
	return true;
}

static __always_inline __u8 class_of(__u32 value)
{
	if (value <= 3)
		return value;
	if (value == ~0U)
		return CW_VALUE_ALL_ONES;
	return value >> 30 ? CW_VALUE_HIGH_BIT : CW_VALUE_OTHER;
}

#endif
