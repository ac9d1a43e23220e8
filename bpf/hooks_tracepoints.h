/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The tracepoints of the system calls: everywhere, at a small cost to every system call. */
#ifndef CW_HOOKS_TRACEPOINTS_H
#define CW_HOOKS_TRACEPOINTS_H

#define CW_FIFTH_ARGUMENT \
	48 /* offset of args[4] in a sys_enter record (events/syscalls/.../format) */

/* One program for the beginning of all calls, one for the end: user space attaches them to each. */
SEC("tracepoint")
int enter_call(struct trace_event_raw_sys_enter *ctx)
{
	__u64 first = ctx->args[0], second = ctx->args[1], third = ctx->args[2],
	      fourth = ctx->args[3], fifth = 0;
	struct futex_call call;

	/* Read here: the verifier refuses the address arithmetic of a read merged from the cases.
	 */
	barrier_var(first);
	barrier_var(second);
	barrier_var(third);
	barrier_var(fourth);

	switch ((int)ctx->id) { /* an int in struct syscall_tp_t; what follows it is not set */
	case NR_FUTEX:
		/* By a helper: a program that reads args[4] itself may not sit on calls with fewer.
		 */
		if ((second & FUTEX_CMD_MASK) == FUTEX_WAKE_OP)
			bpf_probe_read_kernel(&fifth, sizeof(fifth),
					      (void *)ctx + CW_FIFTH_ARGUMENT);
		from_futex(&call, first, second, third, fifth);
		break;
	case NR_FUTEX_WAITV:
		if (!from_vector(&call, CW_CALL_WAIT, first, 0))
			return 0;
		break;
	case NR_FUTEX_WAIT:
		from_futex2(&call, CW_CALL_WAIT, first, second, fourth);
		break;
	case NR_FUTEX_WAKE:
		from_futex2(&call, CW_CALL_WAKE, first, third, fourth);
		break;
	case NR_FUTEX_REQUEUE:
		if (!from_vector(&call, CW_CALL_WAKE, first, third))
			return 0;
		break;
	default:
		return 0;
	}
	return enter(ctx, &call);
}

SEC("tracepoint")
int leave_call(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx, ctx->ret);
}

/* A wait interrupted by a signal without a handler goes on in restart_syscall(2), or begins again.
 */
SEC("tracepoint")
int enter_restart(struct trace_event_raw_sys_enter *ctx)
{
	return go_on_waiting();
}

#endif
