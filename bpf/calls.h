/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What every hook comes down to: a futex call begins, goes on, or ends. */
#ifndef CW_CALLS_H
#define CW_CALLS_H

/* One run in CW_COST_SAMPLE is timed, so that what we cost is measured where it is paid. */
static __always_inline void book_cost(__u64 began)
{
	__u32 zero = 0;
	struct cw_cost *mine = bpf_map_lookup_elem(&cost, &zero);

	if (!mine)
		return;
	if (mine->runs++ % CW_COST_SAMPLE != CW_COST_SAMPLE / 2) /* not the first, which is cold */
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
	__u32 tid = tid_of(task);
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);
	__u64 now;

	if (!thread || thread->call == CW_CALL_NONE)
		return 0;
	now = bpf_ktime_get_ns();
	thread->last_event_ns = now;
	if (thread->call == CW_CALL_WAKE)
		finish_wake(ctx, thread, task, answer);
	else
		finish_wait(ctx, thread, task, answer, now);
	book_cost(now);
	return 0;
}

static __always_inline int go_on_waiting(void)
{
	__u32 tid = tid_of(bpf_get_current_task_btf());
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (thread && thread->call == CW_CALL_RESTART) {
		thread->call = CW_CALL_WAIT;
		thread->slept = 1;
	}
	return 0;
}

#endif
