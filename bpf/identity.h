/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Whose call is it? A process is watched or not; each program it runs is an image, so that neither
 * an exec nor a reused process id inherits anything. Threads and processes go by the numbers of the
 * observer's own pid namespace, which are those of its /proc.
 */
#ifndef CW_IDENTITY_H
#define CW_IDENTITY_H

#define MAX_PID_NS_LEVEL 32 /* include/linux/pid_namespace.h */

/*
 * 0: not visible there. A global function, which may take no kernel pointer: the address of a
 * struct pid, as a number.
 */
__noinline __u32 number_in_our_namespace(__u64 address)
{
	struct pid *pid = (struct pid *)address;
	__u64 numbers = address + bpf_core_field_offset(struct pid, numbers);
	__u32 levels = BPF_CORE_READ(pid, level);

	for (__u32 level = 0; level <= MAX_PID_NS_LEVEL; level++) {
		struct upid number;

		if (level > levels)
			break;
		if (bpf_probe_read_kernel(&number, sizeof(number),
					  (void *)(numbers + level * sizeof(number))))
			break;
		if (BPF_CORE_READ(number.ns, ns.inum) == our_pid_namespace)
			return number.nr;
	}
	return 0;
}

static __always_inline __u32 tid_of(struct task_struct *task)
{
	return our_pid_namespace ? number_in_our_namespace((__u64)BPF_CORE_READ(task, thread_pid))
				 : task->pid;
}

static __always_inline __u32 tgid_of(struct task_struct *task)
{
	return our_pid_namespace
		   ? number_in_our_namespace((__u64)BPF_CORE_READ(task, group_leader, thread_pid))
		   : task->tgid;
}

/* The entry of a process, made if it has none; NULL when there is no room for it. */
static __noinline struct cw_process *process_of(__u32 tgid, __u32 watched)
{
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct cw_process fresh = {.watched = watched};
	long error;

	if (process || !tgid)
		return process;
	fresh.generation = __sync_fetch_and_add(&next_generation, 1);
	error = bpf_map_update_elem(&processes, &tgid, &fresh, BPF_NOEXIST);
	if (error && error != -17 /* EEXIST: another of its threads was first */)
		count(&map_full, 1);
	return bpf_map_lookup_elem(&processes, &tgid);
}

/* The image of a process, made if it has none; 0 when there is no room for it. */
static __noinline __u32 image_of(__u32 tgid, __u32 watched, const char *comm)
{
	struct cw_process *process = process_of(tgid, watched);
	struct cw_image fresh = {.pid = tgid};
	__u32 image, other;

	if (!process || !comm)
		return 0;
	if (process->image)
		return process->image;
	__builtin_memcpy(fresh.comm, comm, CW_COMM);
	fresh.watched = process->watched;
	image = __sync_fetch_and_add(&next_image, 1);
	if (bpf_map_update_elem(&images, &image, &fresh, BPF_ANY)) {
		count(&map_full, 1);
		return 0;
	}
	other = __sync_val_compare_and_swap(&process->image, 0, image);
	if (!other)
		return image;
	bpf_map_delete_elem(&images, &image); /* another of its threads was first */
	return other;
}

static __always_inline __u32 image_of_task(struct task_struct *task, __u32 tgid, __u32 watched)
{
	char comm[CW_COMM] = {};

	bpf_probe_read_kernel_str(comm, sizeof(comm), task->group_leader->comm);
	return image_of(tgid, watched, comm);
}

/* The image of a process that is watched, or may turn out to be; 0: it is not. */
static __always_inline __u32 watched_image(struct task_struct *task)
{
	__u32 tgid = tgid_of(task);
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);

	if (process ? process->watched == CW_UNWATCHED : newcomers == CW_UNWATCHED)
		return 0;
	return process && process->image ? process->image : image_of_task(task, tgid, newcomers);
}

/* The image of whoever wakes on a shared word, watched or not. */
static __always_inline __u32 any_image(struct task_struct *task)
{
	__u32 tgid = tgid_of(task);
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);

	return process && process->image ? process->image : image_of_task(task, tgid, newcomers);
}

#endif
