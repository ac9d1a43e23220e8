/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The system calls' functions, where the kernel lets functions be hooked: nobody else pays. Not
 * do_futex(): before 6.6 a function with seven arguments cannot be hooked on x86
 * (arch_prepare_bpf_trampoline).
 */
#ifndef CW_HOOKS_FUNCTIONS_H
#define CW_HOOKS_FUNCTIONS_H

#ifdef __TARGET_ARCH_x86
#define CW_SYSCALL(name) "__x64_sys_" #name
#else
#define CW_SYSCALL(name) "__arm64_sys_" #name
#endif

/* The user's registers are the functions' only argument. */
#define ARGUMENT(n) PT_REGS_PARM##n##_SYSCALL(regs)

SEC("fentry/" CW_SYSCALL(futex))
int BPF_PROG(begin_futex, struct pt_regs *regs)
{
	struct futex_call call;

	from_futex(&call, ARGUMENT(1), ARGUMENT(2), ARGUMENT(3), ARGUMENT(5));
	return enter(ctx, &call);
}

SEC("fentry/" CW_SYSCALL(futex_waitv))
int BPF_PROG(begin_futex_waitv, struct pt_regs *regs)
{
	struct futex_call call;

	return from_vector(&call, CW_CALL_WAIT, ARGUMENT(1), 0) ? enter(ctx, &call) : 0;
}

SEC("fentry/" CW_SYSCALL(futex_wait))
int BPF_PROG(begin_futex_wait, struct pt_regs *regs)
{
	struct futex_call call;

	from_futex2(&call, CW_CALL_WAIT, ARGUMENT(1), ARGUMENT(2), ARGUMENT(4));
	return enter(ctx, &call);
}

SEC("fentry/" CW_SYSCALL(futex_wake))
int BPF_PROG(begin_futex_wake, struct pt_regs *regs)
{
	struct futex_call call;

	from_futex2(&call, CW_CALL_WAKE, ARGUMENT(1), ARGUMENT(3), ARGUMENT(4));
	return enter(ctx, &call);
}

SEC("fentry/" CW_SYSCALL(futex_requeue))
int BPF_PROG(begin_futex_requeue, struct pt_regs *regs)
{
	struct futex_call call;

	return from_vector(&call, CW_CALL_WAKE, ARGUMENT(1), ARGUMENT(3)) ? enter(ctx, &call) : 0;
}

/* A system call without arguments has its body under this name, whatever the ABI. */
SEC("fentry/__do_sys_restart_syscall")
int BPF_PROG(begin_restart_syscall)
{
	return go_on_waiting();
}

#define END(call, function)                                         \
	SEC("fexit/" function)                                      \
	int BPF_PROG(end_##call, struct pt_regs *regs, long answer) \
	{                                                           \
		return leave(ctx, answer);                          \
	}

END(futex, CW_SYSCALL(futex))
END(futex_waitv, CW_SYSCALL(futex_waitv))
END(futex_wait, CW_SYSCALL(futex_wait))
END(futex_wake, CW_SYSCALL(futex_wake))
END(futex_requeue, CW_SYSCALL(futex_requeue))
END(restart_syscall, "__do_sys_restart_syscall")

#endif
