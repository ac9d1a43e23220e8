/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The maps of alloc.bpf.c beside those that it shares with the locks' programs (maps.h). */
#ifndef CW_ALLOC_MAPS_H
#define CW_ALLOC_MAPS_H

/* Written by user space. */
struct cw_alloc_window alloc_window;

CW_HASH(memory_calls, __u32, struct cw_memory_calls, 16384); /* by process id */
CW_HASH(fault_sites, struct cw_fault_key, __u64, 16384);
CW_HASH(alloc_sites, struct cw_alloc_site_key, struct cw_alloc_site, 16384);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CW_ALLOCATORS);
	__type(key, __u32);
	__type(value, struct cw_alloc_counts);
} alloc_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct cw_alloc_thread);
} alloc_threads SEC(".maps");

/* Whether a process is one to count for: until user space has decided, newcomers are. */
static __always_inline bool is_counted(__u32 tgid)
{
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);

	return process ? process->watched != CW_UNWATCHED : newcomers != CW_UNWATCHED;
}

#endif
