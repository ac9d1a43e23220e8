/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Threads and processes that end or become others, and signals that end a wait. */
#ifndef CW_LIFE_H
#define CW_LIFE_H

/* A handler runs: the interrupted wait is over, a call made after the handler is another. */
SEC("tp_btf/signal_deliver")
int BPF_PROG(deliver_signal, int signal, struct kernel_siginfo *about, struct k_sigaction *action)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tid = tid_of(task);
	struct cw_thread *thread;
	__u64 now;

	if ((__u64)action->sa.sa_handler <= 1 /* SIG_DFL, SIG_IGN */)
		return 0;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (thread && thread->call == CW_CALL_RESTART) {
		now = bpf_ktime_get_ns();
		take_stack_at_end(ctx, thread, now, CW_AFTER_CALL);
		end_wait(thread, task, tid, now, INTERRUPTED);
	}
	return 0;
}

static __always_inline void forget_thread(struct task_struct *task, __u32 tid)
{
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (!thread)
		return;
	if (thread->call == CW_CALL_WAIT || thread->call == CW_CALL_RESTART)
		end_wait(thread, task, tid, bpf_ktime_get_ns(), INTERRUPTED);
	end_poll(thread, task, tid);
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
	__u32 tgid = tgid_of(task);
	struct cw_process *process;
	struct cw_image *image;

	forget_thread(task, tid_of(task));
	process = bpf_map_lookup_elem(&processes, &tgid);
	if (!process)
		return 0;
	image = bpf_map_lookup_elem(&images, &process->image);
	if (image) {
		count(&image->exited_cpu_ns, task->se.sum_exec_runtime);
		count(&image->exited_delay_ns, task->sched_info.run_delay);
	}
	if (task->signal->live.counter == 0) { /* the last thread */
		bpf_map_delete_elem(&space_of, &tgid);
		end_image(process->image);
		bpf_map_delete_elem(&processes, &tgid);
	}
	return 0;
}

/* Another program under the same number. What was decided by the old one's name is open again. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_process, struct task_struct *task, int old_tid)
{
	__u32 tgid = tgid_of(task);
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct cw_process next = {.watched = newcomers};

	if (!our_pid_namespace)
		forget_thread(task, old_tid);
	bpf_map_delete_elem(&space_of, &tgid);
	if (!process) {
		if (newcomers != CW_UNWATCHED)
			process_of(tgid, newcomers); /* user space looks what it is */
		return 0;
	}
	end_image(process->image);
	if (newcomers != CW_UNDECIDED)
		next.watched = process->watched;
	next.generation = __sync_fetch_and_add(&next_generation, 1);
	bpf_map_update_elem(&processes, &tgid, &next, BPF_ANY);
	if (next.watched == CW_WATCHED)
		image_of_task(task, tgid, next.watched);
	return 0;
}

/*
 * A child is what its parent is: it has the same name, is in the same control group, and has the
 * same code mapped.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork_process, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = tgid_of(parent), child_tgid, *space, same;
	struct cw_process *process;

	if (child->pid != child->tgid)
		return 0; /* a thread */
	process = bpf_map_lookup_elem(&processes, &parent_tgid);
	if (!process)
		return 0;
	child_tgid = tgid_of(child);
	process_of(child_tgid, process->watched);
	space = bpf_map_lookup_elem(&space_of, &parent_tgid);
	if (!space)
		return 0;
	same = *space;
	bpf_map_update_elem(&space_of, &child_tgid, &same, BPF_ANY);
	return 0;
}

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

/* Under its new name a process may be one to watch. */
SEC("tp_btf/task_rename")
int BPF_PROG(rename_process, struct task_struct *task, const char *comm)
{
	__u32 tgid = tgid_of(task);
	struct cw_process *process;
	struct cw_image *image;

	if (task->pid != task->tgid || task->flags & PF_KTHREAD)
		return 0;
	process = process_of(tgid, CW_UNDECIDED);
	if (!process || process->watched != CW_UNWATCHED)
		return 0;
	process->generation = __sync_fetch_and_add(&next_generation, 1);
	process->watched = CW_UNDECIDED;
	image = bpf_map_lookup_elem(&images, &process->image);
	if (!image)
		return 0;
	image->watched = CW_UNDECIDED;
	bpf_probe_read_kernel_str(image->comm, sizeof(image->comm), comm);
	return 0;
}

#endif
