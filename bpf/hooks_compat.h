/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* 32-bit callers pass no system call tracepoint (arch_trace_is_compat_syscall,
 * arch/x86/include/asm/ftrace.h). */
#ifndef CW_HOOKS_COMPAT_H
#define CW_HOOKS_COMPAT_H

#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */

/* arch/x86/entry/syscalls/syscall_32.tbl */
#define IA32_RESTART 0
#define IA32_FUTEX 240
#define IA32_FUTEX_TIME64 422

static __always_inline bool is_futex_call(long number)
{
	return number == IA32_FUTEX || number == IA32_FUTEX_TIME64 || number == NR_FUTEX_WAITV ||
	       (number >= NR_FUTEX_WAKE && number <= NR_FUTEX_REQUEUE) || number == IA32_RESTART;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(enter_compat, struct pt_regs *regs, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct futex_call call;

	if (!(task->thread_info.status & TS_COMPAT) || !is_futex_call(number))
		return 0;
	switch (number) {
	case IA32_RESTART:
		return go_on_waiting();
	case IA32_FUTEX:
	case IA32_FUTEX_TIME64:
		from_futex(&call, (__u32)regs->bx, regs->cx, regs->dx, (__u32)regs->di);
		return enter(ctx, &call);
	case NR_FUTEX_WAITV:
		return from_vector(&call, CW_CALL_WAIT, (__u32)regs->bx, 0) ? enter(ctx, &call) : 0;
	case NR_FUTEX_WAIT:
		from_futex2(&call, CW_CALL_WAIT, (__u32)regs->bx, regs->cx, regs->si);
		return enter(ctx, &call);
	case NR_FUTEX_WAKE:
		from_futex2(&call, CW_CALL_WAKE, (__u32)regs->bx, regs->dx, regs->si);
		return enter(ctx, &call);
	case NR_FUTEX_REQUEUE:
		return from_vector(&call, CW_CALL_WAKE, (__u32)regs->bx, regs->dx)
			   ? enter(ctx, &call)
			   : 0;
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(leave_compat, struct pt_regs *regs, long answer)
{
	struct task_struct *task = bpf_get_current_task_btf();

	/* The number is kept in orig_ax; a call in progress is only ever a futex call. */
	if (!(task->thread_info.status & TS_COMPAT) || !is_futex_call(regs->orig_ax))
		return 0;
	return leave(ctx, (int)answer);
}

#endif
