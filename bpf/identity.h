/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Whose call is it? A process is watched or not; each program it runs is an image, so that neither
 * an exec nor a reused process id inherits anything.
 */
#ifndef CW_IDENTITY_H
#define CW_IDENTITY_H

/* A new image for a process; 0 when there is no room for it. */
static __noinline __u32 new_image(__u32 tgid, __u32 watched, const char *comm)
{
	struct cw_image image = {.pid = tgid, .watched = watched};
	struct cw_process process = {.watched = watched};

	if (!comm)
		return 0;
	__builtin_memcpy(image.comm, comm, CW_COMM);
	process.image = __sync_fetch_and_add(&next_image, 1);
	if (bpf_map_update_elem(&images, &process.image, &image, BPF_ANY))
		goto full;
	if (bpf_map_update_elem(&processes, &tgid, &process, BPF_ANY)) {
		bpf_map_delete_elem(&images, &process.image);
		goto full;
	}
	return process.image;
full:
	count(&map_full, 1);
	return 0;
}

static __always_inline __u32 new_image_of(struct task_struct *task, __u32 watched)
{
	char comm[CW_COMM];

	bpf_probe_read_kernel_str(comm, sizeof(comm), task->group_leader->comm);
	return new_image(task->tgid, watched, comm);
}

/* The image of a watched process, made on its first wait in whole-machine mode; 0: not watched. */
static __always_inline __u32 watched_image(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);

	if (process)
		return process->watched ? process->image : 0;
	return whole_machine ? new_image_of(task, 1) : 0;
}

/* The image of whoever wakes on a shared word, watched or not. */
static __always_inline __u32 any_image(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);

	return process ? process->image : new_image_of(task, whole_machine);
}

#endif
