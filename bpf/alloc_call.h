/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a call of an allocator tells where it passes a probe: alloc.bpf.c and lives.bpf.c look
 * alike. */
#ifndef CW_ALLOC_CALL_H
#define CW_ALLOC_CALL_H

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CW_CALLER_SITES);
	__type(key, __u32);
	__type(value, struct cw_alloc_callers);
} alloc_callers SEC(".maps");

/* Whether the call comes from within the allocator. */
static __noinline bool is_nested(struct pt_regs *ctx, __u32 site)
{
	struct cw_alloc_callers *callers = bpf_map_lookup_elem(&alloc_callers, &site);
	__u64 from = 0;

	if (!callers || !ctx ||
	    bpf_probe_read_user(&from, sizeof(from), (void *)(PT_REGS_SP(ctx) + callers->pushed)))
		return false;
	for (int i = 0; i < CW_CALLERS; i++)
		if (from - callers->start[i] < callers->end[i] - callers->start[i])
			return true;
	return false;
}

/* The bytes that an allocating call asks for. */
static __always_inline __u64 size_asked_for(struct pt_regs *ctx, __u64 cookie)
{
	__u32 first = cookie >> 8 & 31, second = cookie >> 16 & 31;
	__u64 bytes = first == CW_NO_REGISTER ? 0 : register_of(ctx, first);

	return second == CW_NO_REGISTER ? bytes : bytes * register_of(ctx, second);
}

#endif
