/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Threads and processes that end or become others, and signals that end a wait. */
#ifndef CW_LIFE_H
#define CW_LIFE_H

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

#endif
