/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The hooks. Two sets see the same calls: fentry/fexit on the kernel's futex functions, or the
 * tracepoints of the system calls where functions may not be hooked. 32-bit callers pass no system
 * call tracepoint (arch_trace_is_compat_syscall, arch/x86/include/asm/ftrace.h): for them there is
 * a pair on raw_syscalls, attached only when such a process is watched.
 */
#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire.h"

#include "maps.h"

#include "identity.h"

#include "word.h"

#include "stack.h"

#include "futex_call.h"

#include "wait.h"

#include "wake.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* One run in CW_COST_SAMPLE is timed, so that what we cost is measured where it is paid. */
static __always_inline void book_cost(__u64 began)
{
	__u32 zero = 0;
	struct cw_cost *mine = bpf_map_lookup_elem(&cost, &zero);

	if (!mine)
		return;
	if (mine->runs++ % CW_COST_SAMPLE)
		return;
	mine->timed_ns += bpf_ktime_get_ns() - began;
	mine->timed_runs++;
}

static __always_inline int enter(void *ctx, struct futex_call *call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 now = bpf_ktime_get_ns();

	bool ours = false;

	if (call->kind == CW_CALL_WAIT)
		ours = begin_wait(ctx, task, call, now);
	else if (call->kind == CW_CALL_WAKE)
		ours = begin_wake(task, call, now);
	if (ours)
		book_cost(now);
	return 0;
}

static __always_inline int leave(void *ctx, long answer)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tid = task->pid;
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);
	__u64 now;

	if (!thread || thread->call == CW_CALL_NONE)
		return 0;
	now = bpf_ktime_get_ns();
	thread->last_event_ns = now;
	if (thread->call == CW_CALL_WAKE)
		finish_wake(ctx, thread, task, answer);
	else
		finish_wait(thread, task, answer, now);
	book_cost(now);
	return 0;
}

static __always_inline int go_on_waiting(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (thread && thread->call == CW_CALL_RESTART) {
		thread->call = CW_CALL_WAIT;
		thread->slept = 1;
	}
	return 0;
}

/* ---- tracepoints of the system calls ---- */

#define CW_FIFTH_ARGUMENT 48 /* offset of args[4] in a sys_enter record (events/syscalls/.../format) */

/* One program for the beginning of all calls, one for the end: user space attaches them to each. */
SEC("tracepoint")
int enter_call(struct trace_event_raw_sys_enter *ctx)
{
	__u64 first = ctx->args[0], second = ctx->args[1], third = ctx->args[2], fourth = ctx->args[3], fifth = 0;
	struct futex_call call;

	/* Read here: the verifier refuses the address arithmetic of a read merged from the cases. */
	barrier_var(first);
	barrier_var(second);
	barrier_var(third);
	barrier_var(fourth);

	switch ((int)ctx->id) { /* an int in struct syscall_tp_t; what follows it is not set */
	case NR_FUTEX:
		/* By a helper: a program that reads args[4] itself may not sit on calls with fewer. */
		if ((second & FUTEX_CMD_MASK) == FUTEX_WAKE_OP)
			bpf_probe_read_kernel(&fifth, sizeof(fifth), (void *)ctx + CW_FIFTH_ARGUMENT);
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

/* A wait interrupted by a signal without a handler goes on in restart_syscall(2), or begins again. */
SEC("tracepoint")
int enter_restart(struct trace_event_raw_sys_enter *ctx)
{
	return go_on_waiting();
}

/* ---- functions of the kernel ---- */

SEC("fentry/do_futex")
int BPF_PROG(begin_do_futex, u32 *address, int op, u32 value, void *timeout, u32 *second_address)
{
	struct futex_call call;

	from_futex(&call, (__u64)address, op, value, (__u64)second_address);
	return enter(ctx, &call);
}

SEC("fexit/do_futex")
int BPF_PROG(end_do_futex, u32 *address, int op, u32 value, void *timeout, u32 *second_address, u32 value2,
	     u32 value3, long answer)
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

#define END(name, function)                                                \
	SEC("fexit/" #function)                                            \
	int BPF_PROG(name, const void *argument, long answer)              \
	{                                                                  \
		return leave(ctx, answer);                                 \
	}

END(end_waitv, __x64_sys_futex_waitv)
END(end_wait2, __x64_sys_futex_wait)
END(end_wake2, __x64_sys_futex_wake)
END(end_requeue2, __x64_sys_futex_requeue)
END(end_restart, futex_wait_restart)

/* ---- 32-bit callers ---- */

#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */

/* arch/x86/entry/syscalls/syscall_32.tbl */
#define IA32_RESTART 0
#define IA32_FUTEX 240
#define IA32_FUTEX_TIME64 422

static __always_inline bool is_futex_call(long number)
{
	if (number == NR_FUTEX_WAITV || (number >= NR_FUTEX_WAKE && number <= NR_FUTEX_REQUEUE))
		return true;
	return !functions_hooked &&
	       (number == IA32_FUTEX || number == IA32_FUTEX_TIME64 || number == IA32_RESTART);
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
		return from_vector(&call, CW_CALL_WAKE, (__u32)regs->bx, regs->dx) ? enter(ctx, &call) : 0;
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

/* ---- the life of threads and processes ---- */

/* A handler runs: the interrupted wait is over, a call made after the handler is another. */
SEC("tp_btf/signal_deliver")
int BPF_PROG(deliver_signal, int signal, struct kernel_siginfo *about, struct k_sigaction *action)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tid = task->pid;
	struct cw_thread *thread;

	if ((__u64)action->sa.sa_handler <= 1 /* SIG_DFL, SIG_IGN */)
		return 0;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (thread && thread->call == CW_CALL_RESTART)
		end_wait(thread, task, tid, bpf_ktime_get_ns(), INTERRUPTED);
	return 0;
}

static __always_inline void forget_thread(struct task_struct *task, __u32 tid)
{
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (!thread)
		return;
	if (thread->call == CW_CALL_WAIT || thread->call == CW_CALL_RESTART)
		end_wait(thread, task, tid, bpf_ktime_get_ns(), INTERRUPTED);
	bpf_map_delete_elem(&threads, &tid);
}

static __always_inline void end_image(__u32 image_id)
{
	struct cw_image *image = bpf_map_lookup_elem(&images, &image_id);

	if (image)
		image->ended_ns = bpf_ktime_get_ns();
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_thread, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct cw_process *process;
	struct cw_image *image;

	forget_thread(task, task->pid);
	process = bpf_map_lookup_elem(&processes, &tgid);
	if (!process)
		return 0;
	image = bpf_map_lookup_elem(&images, &process->image);
	if (image) {
		count(&image->exited_cpu_ns, task->se.sum_exec_runtime);
		count(&image->exited_delay_ns, task->sched_info.run_delay);
	}
	if (task->signal->live.counter == 0) { /* the last thread */
		end_image(process->image);
		bpf_map_delete_elem(&processes, &tgid);
	}
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_process, struct task_struct *task, int old_tid)
{
	__u32 tgid = task->tgid;
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);
	__u32 watched;

	forget_thread(task, old_tid);
	if (!process)
		return 0;
	watched = process->watched;
	end_image(process->image);
	if (!new_image_of(task, watched))
		bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

/* ---- run by user space ---- */

/* Takes into the books a thread that was found waiting when we came. 0: done, 1: not needed. */
SEC("syscall")
int seed(struct cw_seed *at)
{
	__u32 tid = at->tid, tgid = at->tgid;
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);
	__u64 now = bpf_ktime_get_ns();
	struct cw_thread fresh = {}, *thread;
	struct cw_word *word;
	char comm[CW_COMM];
	__u32 image;

	__builtin_memcpy(comm, at->comm, sizeof(comm));
	image = process ? process->image : whole_machine ? new_image(tgid, 1, comm) : 0;
	if (!image)
		return 1;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (thread && (thread->call != CW_CALL_NONE || thread->last_event_ns >= at->read_ns))
		return 1; /* a hook saw that wait begin, or the thread move on */
	fresh.word = at->word;
	if (fresh.word.scope == CW_PRIVATE)
		fresh.word.space = image;
	word = bpf_map_lookup_elem(&words, &fresh.word);
	if (!word)
		word = new_word(&fresh.word, now, at->value);
	if (!word)
		return 1;
	fresh.word_id = word->id;
	fresh.start_ns = now;
	fresh.last_event_ns = now;
	fresh.stack = at->stack;
	fresh.image = image;
	fresh.tgid = tgid;
	fresh.value = at->value;
	fresh.value_class = class_of(at->value);
	fresh.op = at->op;
	fresh.on_own_stack = at->on_own_stack;
	fresh.at_least = 1;
	fresh.call = CW_CALL_WAIT;
	/* Counted before it can be found: a hook that finds it may take it away at once. */
	fresh.joined = shift_waiters(word, 1);
	if (bpf_map_update_elem(&threads, &tid, &fresh, thread ? BPF_EXIST : BPF_NOEXIST)) {
		shift_waiters(word, -1);
		return 1;
	}
	return 0;
}

/* Takes out of the books a wait that is over, if the thread is still booked as in it. 0: done. */
SEC("syscall")
int reap(struct cw_reap *what)
{
	__u32 tid = what->tid;
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (!thread || (thread->call != CW_CALL_WAIT && thread->call != CW_CALL_RESTART))
		return 1;
	if (what->start_ns ? thread->start_ns != what->start_ns : !thread->at_least)
		return 1;
	abandon_wait(thread);
	count(&lost_waits, what->lost);
	return 0;
}

struct tally {
	__u32 word_id;
	__u32 waiters;
};

static long tally_thread(void *map, __u32 *tid, struct cw_thread *thread, struct tally *tally)
{
	if (thread->word_id == tally->word_id && (thread->call == CW_CALL_WAIT || thread->call == CW_CALL_RESTART))
		tally->waiters++;
	return 0;
}

/*
 * Sets a word's number of waiters to what the threads' records say. 0: it was wrong and is put
 * right; 1: it was right, or somebody came or went meanwhile.
 */
SEC("syscall")
int settle(struct cw_settle *what)
{
	struct cw_word_key key = what->word;
	struct cw_word *word = bpf_map_lookup_elem(&words, &key);
	struct tally tally = {};
	__u64 state, now, elapsed;

	if (!word)
		return 1;
	state = *(volatile __u64 *)&word->state;
	tally.word_id = word->id;
	bpf_for_each_map_elem(&threads, tally_thread, &tally, 0);
	if (tally.waiters == waiters_in(state))
		return 1;
	now = bpf_ktime_get_ns();
	elapsed = ticks_since(state, now);
	if (__sync_val_compare_and_swap(&word->state, state,
					(__u64)tally.waiters << CW_STATE_SHIFT | ((state + elapsed) & CW_STATE_TIME)) !=
	    state)
		return 1;
	count(&word->waiting, tally.waiters * elapsed);
	count(&word->busy, tally.waiters ? elapsed : 0);
	return 0;
}
