/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* How the memory of processes grows: the system calls that map it, and the faults that fill it. */
#ifndef CW_ALLOC_MEMORY_H
#define CW_ALLOC_MEMORY_H

/* arch/x86/entry/syscalls/syscall_64.tbl, scripts/syscall.tbl */
#ifdef __TARGET_ARCH_x86
#define NR_MMAP 9
#define NR_MUNMAP 11
#define NR_BRK 12
#define NR_MADVISE 28
#else
#define NR_BRK 214
#define NR_MUNMAP 215
#define NR_MMAP 222
#define NR_MADVISE 233
#endif

static __always_inline struct cw_memory_calls *calls_of(__u32 tgid)
{
	struct cw_memory_calls *calls = bpf_map_lookup_elem(&memory_calls, &tgid);
	struct cw_memory_calls none = {};

	if (calls || !is_counted(tgid))
		return calls;
	if (bpf_map_update_elem(&memory_calls, &tgid, &none, BPF_NOEXIST) == -7 /* E2BIG */)
		count(&map_full, 1);
	return bpf_map_lookup_elem(&memory_calls, &tgid);
}

static __always_inline int count_call(int number)
{
	struct cw_memory_calls *calls = calls_of(tgid_of(bpf_get_current_task_btf()));

	if (!calls)
		return 0;
	switch (number) {
	case NR_BRK:
		count(&calls->brk, 1);
		break;
	case NR_MMAP:
		count(&calls->mmap, 1);
		break;
	case NR_MUNMAP:
		count(&calls->munmap, 1);
		break;
	case NR_MADVISE:
		count(&calls->madvise, 1);
		break;
	}
	return 0;
}

/* User space attaches this to each of the calls' tracepoints. */
SEC("tracepoint")
int memory_call(struct trace_event_raw_sys_enter *ctx)
{
	return count_call((int)ctx->id);
}

#ifdef __TARGET_ARCH_x86
#define CW_MEMORY_CALL(name) "fentry/__x64_sys_" #name
#else
#define CW_MEMORY_CALL(name) "fentry/__arm64_sys_" #name
#endif

SEC(CW_MEMORY_CALL(brk))
int BPF_PROG(call_brk)
{
	return count_call(NR_BRK);
}

SEC(CW_MEMORY_CALL(mmap))
int BPF_PROG(call_mmap)
{
	return count_call(NR_MMAP);
}

SEC(CW_MEMORY_CALL(munmap))
int BPF_PROG(call_munmap)
{
	return count_call(NR_MUNMAP);
}

SEC(CW_MEMORY_CALL(madvise))
int BPF_PROG(call_madvise)
{
	return count_call(NR_MADVISE);
}

/*
 * One page fault of many: the kernel chooses the period so that a CPU has so many samples a second,
 * and says what each stands for.
 */
SEC("perf_event")
int sampled_fault(struct bpf_perf_event_data *ctx)
{
	struct cw_fault_key key = {.tgid = tgid_of(bpf_get_current_task_btf())};
	__u64 faults = ctx->sample_period, *known;

	if (!is_counted(key.tgid))
		return 0;
	key.stack = take_stack(ctx, CW_FRAME_EXACT);
	known = bpf_map_lookup_elem(&fault_sites, &key);
	if (known)
		count(known, faults);
	else if (bpf_map_update_elem(&fault_sites, &key, &faults, BPF_NOEXIST))
		count(&map_full, 1);
	return 0;
}

#endif
