/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What user space asks of many threads at once, for which /proc would take some files each. */
#ifndef CW_TASK_LIST_H
#define CW_TASK_LIST_H

__u32 registers_of; /* process id; set before the iterator is read */

/* Where threads stand that wait already when we come: /proc tells pc and sp, but no frame pointer.
 */
SEC("iter/task")
int list_registers(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cw_registers found = {};
	struct pt_regs *regs;

	if (!task || tgid_of(task) != registers_of)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	found.tid = tid_of(task);
	found.pc = CW_USER_PC(regs);
	found.sp = regs->sp;
	found.fp = CW_USER_FP(regs);
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

/*
 * Of processes that are watched, or may turn out to be: the threads that have not ended. What ended
 * ones used is in their image.
 */
SEC("iter/task")
int list_times(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cw_thread_times times = {};
	struct cw_process *process;

	if (!task || task->exit_state)
		return 0;
	times.tgid = tgid_of(task);
	process = bpf_map_lookup_elem(&processes, &times.tgid);
	if (!process || process->watched == CW_UNWATCHED)
		return 0;
	times.runnable = task->__state == 0; /* TASK_RUNNING */
	times.cpu_ns = task->se.sum_exec_runtime;
	times.run_delay_ns = task->sched_info.run_delay;
	times.ended_cpu_ns = task->signal->sum_sched_runtime;
	bpf_seq_write(ctx->meta->seq, &times, sizeof(times));
	return 0;
}

#endif
