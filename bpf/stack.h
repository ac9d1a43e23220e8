/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The user stack of the current thread, kept once under the hash of its addresses. This is the one
 * place that knows how a stack is walked: by frame pointers for now.
 */
#ifndef CW_STACK_H
#define CW_STACK_H

__noinline __u64 hash_of(struct cw_stack *stack)
{
	__u64 hash;

	if (!stack)
		return 0;
	hash = 0xcbf29ce484222325ULL ^ stack->depth;

	for (__u64 i = 0; i < CW_MAX_DEPTH; i++) {
		if (i >= stack->depth)
			break;
		hash = (hash ^ stack->address[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash ? hash : 1;
}

/* Whether this event of a word, a wait or a wake, has its stack taken. */
static __always_inline bool wants_stack(struct cw_word *word)
{
	__u32 now = epoch, one_in = stacks_one_in;
	__s64 left = *(volatile __s64 *)&stacks_left;

	if (left <= 0)
		return false;
	if (word->stack_epoch != now) {
		word->stack_epoch = now;
		word->stacks = 0;
	}
	if (word->stacks < CW_STACKS_IN_FULL && left > stacks_kept_back) {
		word->stacks++;
		return true;
	}
	return one_in <= 1 || bpf_get_prandom_u32() % one_in == 0;
}

/* How many events of this role a stack taken now stands for; 0: take none. */
static __always_inline __u32 stack_weight(struct cw_word *word, __u32 role)
{
	__u32 zero = 0, *unstacked = &word->unstacked[role & 1];
	struct cw_cost *mine = bpf_map_lookup_elem(&cost, &zero);
	bool taken = wants_stack(word);

	if (mine) {
		mine->stacks_wanted++;
		mine->stacks_taken += taken;
	}
	if (!taken) {
		__sync_fetch_and_add(unstacked, 1);
		return 0;
	}
	count((__u64 *)&stacks_left, -1);
	return __sync_lock_test_and_set(unstacked, 0) + 1;
}

/* The id under which the current user stack is kept; 0 when it could not be. */
static __always_inline __u64 keep_stack(void *ctx)
{
	struct cw_stack *stack;
	__u64 id;
	long bytes;

	stack = bpf_task_storage_get(&stack_room, bpf_get_current_task_btf(), 0,
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!stack)
		goto lost;
	bytes = bpf_get_stack(ctx, stack->address, sizeof(stack->address), BPF_F_USER_STACK);
	if (bytes <= 0)
		goto lost;
	stack->depth = bytes / sizeof(__u64);
	id = hash_of(stack);
	if (bpf_map_lookup_elem(&stacks, &id))
		return id;
	if (!bpf_map_update_elem(&stacks, &id, stack, BPF_ANY))
		return id;
	count(&map_full, 1);
lost:
	count(&lost_stacks, 1);
	return 0;
}

static __noinline __u64 take_stack(void *ctx)
{
	__u32 zero = 0;
	struct cw_cost *mine = bpf_map_lookup_elem(&cost, &zero);
	bool timed = mine && mine->stacks_taken % CW_STACK_COST_SAMPLE == 0;
	__u64 began = timed ? bpf_ktime_get_ns() : 0;
	__u64 id = keep_stack(ctx);

	if (timed) {
		mine->timed_stacks++;
		mine->timed_stacks_ns += bpf_ktime_get_ns() - began;
	}
	return id;
}

#endif
