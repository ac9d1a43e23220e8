/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A call into an allocator passes a probe. Every instruction here is paid by the process. */
#ifndef CW_ALLOC_HIT_H
#define CW_ALLOC_HIT_H

/* The bucket of model/histogram.h. */
static __always_inline __u32 size_bucket(__u64 bytes)
{
	__u32 log;

	if (bytes < 8)
		return bytes;
	if (bytes >> 40)
		return CW_SIZE_BUCKETS - 1;
	log = log2_of(bytes);
	return (log - 2) * 8 + (bytes >> ((log - 3) & 63) & 7);
}

static __always_inline void add_alloc_site(void *ctx, __u32 allocator, __u64 weight, __u64 bytes)
{
	struct cw_alloc_site_key key = {.stack = take_stack(ctx, CW_FRAME_EXACT),
					.target = alloc_window.target,
					.allocator = allocator};
	struct cw_alloc_site fresh = {.allocs = weight, .bytes = weight * bytes};
	struct cw_alloc_site *site = bpf_map_lookup_elem(&alloc_sites, &key);

	if (site) {
		count(&site->allocs, weight);
		count(&site->bytes, weight * bytes);
	} else if (bpf_map_update_elem(&alloc_sites, &key, &fresh, BPF_NOEXIST)) {
		count(&map_full, 1);
	}
}

/* One allocation in so many on average, at random, has its stack taken. */
static __always_inline __s64 next_stack(void)
{
	__u32 one_in = alloc_window.stacks_one_in;

	return one_in ? draw_next(one_in) : 1LL << 60;
}

static __noinline int sample_alloc(void *ctx, struct cw_alloc_counts *counts, __u32 allocator,
				   __u64 bytes)
{
	__u32 one_in = alloc_window.stacks_one_in;

	if (!ctx || !counts || !one_in)
		return 0;
	counts->until_stack = next_stack();
	counts->stacks++;
	add_alloc_site(ctx, allocator, one_in, bytes);
	return 0;
}

static __always_inline void book_alloc(struct pt_regs *ctx, struct cw_alloc_counts *counts,
				       __u64 cookie)
{
	__u64 bytes = size_asked_for(ctx, cookie);
	__u32 bucket;

	counts->allocs++;
	counts->bytes += bytes;
	bucket = size_bucket(bytes);
	barrier_var(bucket);
	if (bucket < CW_SIZE_BUCKETS) /* always: the verifier does not know */
		counts->sizes[bucket]++;
	if (counts->window != alloc_window.open_ns) {
		counts->window = alloc_window.open_ns;
		counts->until_stack = next_stack();
	}
	if (--counts->until_stack <= 0)
		sample_alloc(ctx, counts, cookie & 3, bytes);
}

/*
 * The time since the thread's hit before, less what it lacked a CPU: on a crowded machine what
 * happens in a window depends more on who was let run than on what they do.
 */
static __always_inline void book_gap(struct cw_alloc_counts *counts, __u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 window = alloc_window.open_ns, delay = task->sched_info.run_delay;
	struct cw_alloc_thread *thread;

	thread = bpf_task_storage_get(&alloc_threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread)
		return;
	if (thread->window == window) {
		counts->gaps++;
		counts->gap_ns += now - thread->last_ns - (delay - thread->run_delay_ns);
	}
	thread->window = window;
	thread->last_ns = now;
	thread->run_delay_ns = delay;
}

SEC("uprobe.multi")
int alloc_hit(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), now, stepped;
	__u32 allocator = cookie & (CW_ALLOCATORS - 1), pointer;
	struct cw_alloc_counts *counts = bpf_map_lookup_elem(&alloc_counts, &allocator);

	if (!counts)
		return 0;
	counts->hits++;
	stepped = cookie & CW_COOKIE_STEPPED ? 1 : 0;
	counts->stepped += stepped;
	now = bpf_ktime_get_ns();
	if (now < alloc_window.open_ns || now >= alloc_window.close_ns)
		return 0;
	counts->inside++;
	counts->inside_stepped += stepped;
	if (cookie >> 32 & 0xff && is_nested(ctx, cookie >> 32 & 0xff))
		return 0;
	book_gap(counts, now);
	if (!(cookie & CW_COOKIE_FREE)) {
		pointer = cookie >> 24 & 31;
		if (pointer != CW_NO_REGISTER && !register_of(ctx, pointer))
			return 0;
		book_alloc(ctx, counts, cookie);
		return 0;
	}
	pointer = cookie >> 8 & 31;
	if (pointer == CW_NO_REGISTER || register_of(ctx, pointer))
		counts->frees++;
	return 0;
}

#endif
