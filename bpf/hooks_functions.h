/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The kernel's futex functions, where it lets them be hooked: nobody else pays. */
#ifndef CW_HOOKS_FUNCTIONS_H
#define CW_HOOKS_FUNCTIONS_H

SEC("fentry/do_futex")
int BPF_PROG(begin_do_futex, u32 *address, int op, u32 value, void *timeout, u32 *second_address)
{
	struct futex_call call;

	from_futex(&call, (__u64)address, op, value, (__u64)second_address);
	return enter(ctx, &call);
}

SEC("fexit/do_futex")
int BPF_PROG(end_do_futex, u32 *address, int op, u32 value, void *timeout, u32 *second_address,
	     u32 value2, u32 value3, long answer)
{
	return leave(ctx, answer);
}

SEC("fentry/__x64_sys_futex_waitv")
int BPF_PROG(begin_waitv, const struct pt_regs *regs)
{
	struct futex_call call;

	return from_vector(&call, CW_CALL_WAIT, regs->di, 0) ? enter(ctx, &call) : 0;
}

SEC("fentry/__x64_sys_futex_wait")
int BPF_PROG(begin_wait2, const struct pt_regs *regs)
{
	struct futex_call call;

	from_futex2(&call, CW_CALL_WAIT, regs->di, regs->si, regs->r10);
	return enter(ctx, &call);
}

SEC("fentry/__x64_sys_futex_wake")
int BPF_PROG(begin_wake2, const struct pt_regs *regs)
{
	struct futex_call call;

	from_futex2(&call, CW_CALL_WAKE, regs->di, regs->dx, regs->r10);
	return enter(ctx, &call);
}

SEC("fentry/__x64_sys_futex_requeue")
int BPF_PROG(begin_requeue2, const struct pt_regs *regs)
{
	struct futex_call call;

	return from_vector(&call, CW_CALL_WAKE, regs->di, regs->dx) ? enter(ctx, &call) : 0;
}

SEC("fentry/futex_wait_restart")
int BPF_PROG(begin_restart)
{
	return go_on_waiting();
}

#define END(name, function)                                   \
	SEC("fexit/" #function)                               \
	int BPF_PROG(name, const void *argument, long answer) \
	{                                                     \
		return leave(ctx, answer);                    \
	}

END(end_waitv, __x64_sys_futex_waitv)
END(end_wait2, __x64_sys_futex_wait)
END(end_wake2, __x64_sys_futex_wake)
END(end_requeue2, __x64_sys_futex_requeue)
END(end_restart, futex_wait_restart)

#endif
