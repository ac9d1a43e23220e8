/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What becomes of blocks: some calls have their result awaited, and what frees it is waited for.
 *
 * A return probe costs as much again as the first, so that only calls that are followed get one:
 * by a session, whose program says at a call's beginning whether it wants to see its end.
 */
#include <vmlinux.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "life_wire.h"

#include "maps.h"

#include "identity.h"

#include "unwind_maps.h"

#include "unwind.h"

#include "stack.h"

#include "probed_register.h"

#include "life_maps.h"

#include "draw.h"

#include "alloc_call.h"

#ifdef __TARGET_ARCH_x86
#define CW_RETURN_POPS 8 /* what a return takes off the stack */
#else
#define CW_RETURN_POPS 0
#endif

/* Ends the life of what lies there, if it is followed: its number + 1. */
static __always_inline __u32 end_of(__u64 block)
{
	__u32 *number = bpf_map_lookup_elem(&life_of, &block), found;

	if (!number)
		return 0;
	found = *number;
	/* Only one of those that free it can take it out. */
	return bpf_map_delete_elem(&life_of, &block) ? 0 : found + 1;
}

static __always_inline void book_end(__u32 number, __u64 now, __u32 tid,
				     struct cw_life_thread *thread)
{
	struct cw_life *life = &lives[number & (CW_LIVES - 1)];

	life->ended_tid = tid;
	life->ended_hits = thread->hits;
	life->ended_samples = thread->samples;
	life->ended_ns = now;
}

static __always_inline void book_birth(__u64 block, __u64 now, __u32 tid,
				       struct cw_life_thread *thread)
{
	__u32 number = __sync_fetch_and_add(&next_life, 1);
	struct cw_life *life;

	if (number >= CW_LIVES)
		return;
	life = &lives[number & (CW_LIVES - 1)];
	life->block = block;
	life->stack = thread->stack;
	life->bytes = thread->bytes;
	life->call_ns = thread->call_ns;
	life->born_ns = now;
	life->ended_ns = 0;
	life->allocator = thread->allocator;
	life->born_tid = tid;
	life->born_hits = thread->hits;
	life->born_samples = thread->samples;
	if (bpf_map_update_elem(&life_of, &block, &number, BPF_ANY))
		count(&map_full, 1);
}

static __always_inline bool is_in_window(__u64 now)
{
	return now >= life_window.open_ns && now < life_window.close_ns;
}

static __always_inline struct cw_life_thread *thread_of(__u32 tid)
{
	struct cw_life_thread *thread = bpf_map_lookup_elem(&life_threads, &tid), fresh = {};

	if (thread)
		return thread;
	if (bpf_map_update_elem(&life_threads, &tid, &fresh, BPF_NOEXIST))
		count(&map_full, 1);
	return bpf_map_lookup_elem(&life_threads, &tid);
}

/* Books a hit; NULL: it is not one to look at. */
static __always_inline struct cw_life_thread *
book_hit(struct pt_regs *ctx, __u64 cookie, struct cw_life_counts *counts, __u64 now, __u32 *tid)
{
	__u32 stepped = cookie & CW_COOKIE_STEPPED ? 1 : 0, callers = cookie >> 32 & 0xff;
	struct cw_life_thread *thread;

	counts->hits++;
	counts->stepped += stepped;
	if (!is_in_window(now))
		return NULL;
	counts->inside++;
	counts->inside_stepped += stepped;
	*tid = (__u32)bpf_get_current_pid_tgid();
	thread = thread_of(*tid);
	if (thread)
		thread->hits++;
	return thread && !(callers && is_nested(ctx, callers)) ? thread : NULL;
}

/* One call in so many on average, at random. */
static __always_inline bool is_sampled(struct cw_life_counts *counts)
{
	__u32 one_in = life_window.one_in;

	if (!one_in)
		return false;
	if (counts->window != life_window.open_ns) {
		counts->window = life_window.open_ns;
		counts->until_sample = draw_next(one_in);
	}
	if (--counts->until_sample > 0)
		return false;
	counts->until_sample = draw_next(one_in);
	return true;
}

/* The result of a call is awaited if it is sampled, or if it may end a life. */
static __noinline int begin_call(struct pt_regs *ctx, __u64 cookie)
{
	__u32 zero = 0, tid = 0, pointer = cookie >> 24 & 31, resized = 0;
	struct cw_life_counts *counts = bpf_map_lookup_elem(&life_counts, &zero);
	__u64 at = 0;
	struct cw_life_thread *thread;
	bool sampled;

	if (!counts || !ctx)
		return 0;
	thread = book_hit(ctx, cookie, counts, bpf_ktime_get_ns(), &tid);
	if (!thread)
		return 0;
	if (pointer != CW_NO_REGISTER) {
		at = register_of(ctx, pointer);
		if (!at && cookie & CW_COOKIE_HANDS_OVER)
			return 0;
		if (at && !(cookie & CW_COOKIE_RESULT_AT))
			resized = end_of(at);
	}
	sampled = is_sampled(counts);
	if (!sampled && !resized)
		return 0;
	counts->samples++;
	thread->samples++;
	thread->sampled = sampled;
	thread->resized = resized;
	thread->block = at;
	thread->result_at = cookie & CW_COOKIE_RESULT_AT ? at : 0;
	thread->bytes = size_asked_for(ctx, cookie);
	thread->allocator = cookie & (CW_ALLOCATORS - 1);
	thread->stack = sampled && life_window.stacks ? take_stack(ctx, CW_FRAME_EXACT) : 0;
	thread->sp = PT_REGS_SP(ctx);
	thread->call_ns = bpf_ktime_get_ns();
	return 1;
}

static __noinline int end_call(struct pt_regs *ctx)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns(), block, at;
	struct cw_life_thread *thread = bpf_map_lookup_elem(&life_threads, &tid);

	if (!thread || !ctx || !thread->sp || thread->sp + CW_RETURN_POPS != PT_REGS_SP(ctx))
		return 0;
	thread->sp = 0;
	block = PT_REGS_RC(ctx);
	at = thread->result_at;
	if (at && (block || bpf_probe_read_user(&block, sizeof(block), (void *)at)))
		return 0;
	if (thread->resized) {
		__u32 number = thread->resized - 1;

		/* What could not be resized lives on; nothing resized to nothing is gone. */
		if (block || !thread->bytes)
			book_end(number, thread->call_ns, tid, thread);
		else
			bpf_map_update_elem(&life_of, &thread->block, &number, BPF_ANY);
	}
	if (block && thread->sampled && is_in_window(now))
		book_birth(block, now, tid, thread);
	return 0;
}

static __noinline int end_life(struct pt_regs *ctx, __u64 cookie)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 zero = 0, tid = 0, pointer = cookie >> 8 & 31, ended;
	struct cw_life_counts *counts = bpf_map_lookup_elem(&life_counts, &zero);
	struct cw_life_thread *thread;

	if (!counts || !ctx)
		return 0;
	thread = book_hit(ctx, cookie, counts, now, &tid);
	if (!thread || pointer == CW_NO_REGISTER)
		return 0;
	ended = end_of(register_of(ctx, pointer));
	if (ended)
		book_end(ended - 1, now, tid, thread);
	return 0;
}

/* Whether the call's end is to be seen, too. */
static __always_inline int pass(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	return cookie & CW_COOKIE_FREE ? end_life(ctx, cookie) : begin_call(ctx, cookie);
}

/*
 * As a session, Linux 6.13: one program at both ends of a call, and its answer at the first says
 * whether it is to run at the other. User space sets what it is loaded as.
 */
SEC("uprobe.multi")
int life_session(struct pt_regs *ctx)
{
	if (bpf_session_is_return())
		return end_call(ctx);
	return pass(ctx) ? 0 : 1;
}

/* As two probes, where there are no sessions: then every call is seen to its end. */
SEC("uprobe.multi")
int life_call(struct pt_regs *ctx)
{
	pass(ctx);
	return 0;
}

SEC("uretprobe.multi")
int life_return(struct pt_regs *ctx)
{
	return end_call(ctx);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
