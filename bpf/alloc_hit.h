/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A call into an allocator passes a probe. Every instruction here is paid by the process. */
#ifndef CW_ALLOC_HIT_H
#define CW_ALLOC_HIT_H

/* Numbered as instructions encode them. */
static __always_inline __u64 register_of(struct pt_regs *ctx, __u32 number)
{
#ifdef __TARGET_ARCH_x86
	switch (number) {
	case 7:
		return ctx->di;
	case 6:
		return ctx->si;
	case 2:
		return ctx->dx;
	case 1:
		return ctx->cx;
	case 0:
		return ctx->ax;
	case 3:
		return ctx->bx;
	case 5:
		return ctx->bp;
	case 8:
		return ctx->r8;
	case 9:
		return ctx->r9;
	case 10:
		return ctx->r10;
	case 11:
		return ctx->r11;
	case 12:
		return ctx->r12;
	case 13:
		return ctx->r13;
	case 14:
		return ctx->r14;
	case 15:
		return ctx->r15;
	}
#endif
	return 0;
}

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
	struct cw_alloc_site_key key = {.stack = take_stack(ctx),
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
static __noinline int sample_alloc(void *ctx, struct cw_alloc_counts *counts, __u32 allocator,
				   __u64 bytes)
{
	__u32 one_in = alloc_window.stacks_one_in;

	if (!ctx || !counts || !one_in)
		return 0;
	counts->until_stack = 1 + bpf_get_prandom_u32() % (2 * one_in - 1);
	counts->stacks++;
	add_alloc_site(ctx, allocator, one_in, bytes);
	return 0;
}

static __always_inline void book_alloc(struct pt_regs *ctx, struct cw_alloc_counts *counts,
				       __u64 cookie)
{
	__u32 first = cookie >> 8 & 31, second = cookie >> 16 & 31;
	__u64 bytes = 0;

	if (first != CW_NO_REGISTER)
		bytes = register_of(ctx, first);
	if (second != CW_NO_REGISTER)
		bytes *= register_of(ctx, second);
	counts->allocs++;
	counts->bytes += bytes;
	counts->sizes[size_bucket(bytes) % CW_SIZE_BUCKETS]++;
	if (--counts->until_stack <= 0)
		sample_alloc(ctx, counts, cookie & 3, bytes);
}

SEC("uprobe.multi")
int alloc_hit(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), now;
	__u32 allocator = cookie & (CW_ALLOCATORS - 1), pointer;
	struct cw_alloc_counts *counts = bpf_map_lookup_elem(&alloc_counts, &allocator);

	if (!counts)
		return 0;
	counts->hits++;
	now = bpf_ktime_get_ns();
	if (now < alloc_window.open_ns || now >= alloc_window.close_ns)
		return 0;
	if (!(cookie & CW_COOKIE_FREE)) {
		book_alloc(ctx, counts, cookie);
		return 0;
	}
	pointer = cookie >> 8 & 31;
	if (pointer == CW_NO_REGISTER || register_of(ctx, pointer))
		counts->frees++;
	return 0;
}

#endif
