/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The user stack of the current thread, kept once under the hash of its addresses. */
#ifndef CW_STACK_H
#define CW_STACK_H

__noinline __u64 hash_of(struct cw_stack *stack)
{
	__u64 hash;

	if (!stack)
		return 0;
	hash = 0xcbf29ce484222325ULL ^ stack->depth ^ (__u64)stack->end << 32;

	for (__u64 i = 0; i < CW_MAX_DEPTH; i++) {
		if (i >= stack->depth)
			break;
		hash = (hash ^ stack->address[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash ? hash : 1;
}

static __always_inline struct walk *claim_walk(struct walks **from, __u32 *number)
{
	__u32 zero = 0;
	struct walks *all = bpf_map_lookup_elem(&walks, &zero);

	if (!all)
		return NULL;
	*from = all;
#pragma unroll
	for (__u32 i = 0; i < CW_WALKS; i++) {
		if (__sync_val_compare_and_swap(&all->claimed[i], 0, 1))
			continue;
		*number = i;
		return &all->walk[i];
	}
	return NULL;
}

static __always_inline void give_back_walk(struct walks *all, __u32 number)
{
	if (number < CW_WALKS)
		*(volatile __u32 *)&all->claimed[number] = 0;
}

/* Code that runs and is not described was mapped since user space looked. */
static __noinline int report_unknown_code(__u32 tgid)
{
	__u32 one = 1;

	return bpf_map_update_elem(&unknown_code, &tgid, &one, BPF_NOEXIST);
}

/* The stack in `walk`, kept: its id, or 0 when there is no room. */
static __always_inline __u64 keep_walked(struct walk *walk)
{
	__u64 id = hash_of(&walk->stack);

	if (bpf_map_lookup_elem(&stacks, &id))
		return id;
	if (!bpf_map_update_elem(&stacks, &id, &walk->stack, BPF_ANY))
		return id;
	count(&map_full, 1);
	return 0;
}

#ifdef __TARGET_ARCH_x86
#define CW_USER_PC(regs) ((regs)->ip)
#define CW_USER_FP(regs) ((regs)->bp)
#else
#define CW_USER_PC(regs) ((regs)->pc)
#define CW_USER_FP(regs) ((regs)->regs[29])
#endif

#define CW_TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */

/* 32-bit code has words of its own size, which the kernel's own walker knows. */
static __always_inline bool is_32bit_call(struct task_struct *task)
{
#ifdef __TARGET_ARCH_x86
	return task->thread_info.status & CW_TS_COMPAT;
#else
	return false;
#endif
}

static __always_inline void walk_32bit(void *ctx, struct walk *walk)
{
	long bytes =
	    bpf_get_stack(ctx, walk->stack.address, sizeof(walk->stack.address), BPF_F_USER_STACK);

	walk->stack.depth = bytes > 0 ? bytes / sizeof(__u64) : 0;
	walk->stack.end = CW_END_NO_TABLES;
}

/* The id under which the current user stack is kept; 0 when it could not be. */
static __always_inline __u64 keep_stack(void *ctx, __u64 leaf)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct walks *all = NULL;
	__u32 number = 0, tgid, *space;
	struct walk *walk = claim_walk(&all, &number);
	struct pt_regs *regs;
	__u64 id = 0;

	if (!walk || !all)
		goto lost;
	if (is_32bit_call(task)) {
		walk_32bit(ctx, walk);
	} else {
		tgid = tgid_of(task);
		space = bpf_map_lookup_elem(&space_of, &tgid);
		regs = (struct pt_regs *)bpf_task_pt_regs(task);
		walk->pc = CW_USER_PC(regs);
		walk->sp = regs->sp;
		walk->fp = CW_USER_FP(regs);
		walk->flags = leaf;
		walk->space = space ? *space : 0;
		walk->has_registers = 0;
		walk_out(walk);
		if (!walk->space)
			walk->stack.end = CW_END_NO_TABLES;
		if (walk->unknown)
			report_unknown_code(tgid);
	}
	id = walk->stack.depth ? keep_walked(walk) : 0;
	give_back_walk(all, number);
	if (id)
		return id;
lost:
	count(&lost_stacks, 1);
	return 0;
}

/*
 * What the innermost address is: an instruction about to run (CW_FRAME_EXACT), or the one behind a
 * system call's, which is as behind a call's.
 */
#define CW_AFTER_CALL 0

static __noinline __u64 take_stack(void *ctx, __u64 leaf)
{
	__u32 zero = 0;
	struct cw_cost *mine = bpf_map_lookup_elem(&cost, &zero);
	bool timed = mine && mine->stacks_taken % CW_STACK_COST_SAMPLE == 0;
	__u64 began = timed ? bpf_ktime_get_ns() : 0;
	__u64 id = keep_stack(ctx, leaf);

	if (timed) {
		mine->timed_stacks++;
		mine->timed_stacks_ns += bpf_ktime_get_ns() - began;
	}
	return id;
}

#endif
