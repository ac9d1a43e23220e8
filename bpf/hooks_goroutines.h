/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Goroutines that wait for sync.Mutex or sync.RWMutex, which makes no system call: probes on the
 * functions of Go's runtime that wait and wake (runtime/sema.go). In semacquire1(addr, lifo,
 * profile, ...) a goroutine that has to wait passes a call of acquireSudog first and one of
 * releaseSudog last; in sync.runtime_Semrelease(addr, ...) one passes that wakes another.
 *
 * Go's own calling convention (go.dev/src/cmd/compile/abi-internal.md, from Go 1.17 on): the first
 * argument is in AX, the goroutine in R14; who calls something else keeps its arguments on its
 * stack meanwhile. A goroutine's number stands in the books where a thread's does; what its thread
 * waits for meanwhile is the thread's affair.
 */
#ifndef CW_HOOKS_GOROUTINES_H
#define CW_HOOKS_GOROUTINES_H

/* Goroutines lie 32 bytes apart at least; those of other processes may have the same address. */
static __always_inline __u32 goroutine_of(struct pt_regs *ctx, __u32 image)
{
#ifdef __TARGET_ARCH_x86
	__u64 address = ctx->r14;
#else
	__u64 address = 0;
#endif

	return CW_GOROUTINE | ((__u32)(address >> 5) + image * 0x9e3779b1U);
}

#define GO_MUTEX_PROFILE 2 /* runtime/sema.go: semaMutexProfile, what else waits has it not */

/* The word so many bytes above the stack pointer; 0: it cannot be read. */
static __always_inline __u64 stack_word(struct pt_regs *ctx, __u16 offset)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)(PT_REGS_SP(ctx) + offset));
	return word;
}

/* Also counts who passes. 0: not watched. */
static __always_inline __u32 image_at_probe(__u64 cookie)
{
	count(&goroutine_hits[cookie >> CW_GO_PLACE_SHIFT & (CW_GO_PLACES - 1)], 1);
	return watched_image(bpf_get_current_task_btf());
}

/* A wait whose end was missed, or of another process whose goroutine has the same number. */
static __always_inline void give_up_wait_of(__u32 number)
{
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &number);

	if (!thread || thread->call != CW_CALL_WAIT)
		return;
	abandon_wait(thread);
	count(&lost_waits, 1);
	count(&goroutines_waiting, -1);
}

SEC("uprobe.multi")
int goroutine_waits(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 now = bpf_ktime_get_ns(), cookie = bpf_get_attach_cookie(ctx);
	__u32 image = image_at_probe(cookie), number;
	struct cw_thread *thread;
	__u64 address;

	if (!image || !(stack_word(ctx, cookie >> 16) & GO_MUTEX_PROFILE))
		return 0;
	address = stack_word(ctx, cookie);
	number = goroutine_of(ctx, image);
	give_up_wait_of(number);
	/* Half of the room is for threads. */
	thread = goroutines_waiting < thread_room / 2 ? thread_of(number, task, image) : NULL;
	if (!thread) {
		count(&map_full, 1);
		count(&lost_waits, 1);
		return 0;
	}
	count(&goroutines_waiting, 1);
	key_of(&thread->word, task, image, address, false);
	thread->second_address = address;
	thread->last_event_ns = now;
	thread->start_ns = now;
	thread->op = CW_OP_GOROUTINE | FUTEX_PRIVATE_FLAG;
	thread->word_id = 0;
	thread->call = CW_CALL_WAIT;
	join_word(ctx, thread, number, now, CW_FRAME_EXACT);
	book_cost(now);
	return 0;
}

SEC("uprobe.multi")
int goroutine_goes_on(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 image = image_at_probe(bpf_get_attach_cookie(ctx)), number;
	struct cw_thread *thread;

	if (!image)
		return 0;
	number = goroutine_of(ctx, image);
	thread = bpf_map_lookup_elem(&threads, &number);
	if (!thread || thread->call != CW_CALL_WAIT || thread->image != image)
		return 0;
	take_stack_at_end(ctx, thread, now, CW_FRAME_EXACT);
	end_wait(thread, NULL, number, now, WOKEN);
	bpf_map_delete_elem(&threads, &number); /* there may be a great many in their time */
	count(&goroutines_waiting, -1);
	book_cost(now);
	return 0;
}

SEC("uprobe.multi")
int goroutine_wakes(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 image = image_at_probe(bpf_get_attach_cookie(ctx));
	struct cw_site_key site = {
	    .image = image, .op = CW_OP_GOROUTINE | FUTEX_PRIVATE_FLAG, .role = CW_WAKER};
	struct integrals at = {};
	struct cw_word_key key;
	struct cw_word *word;

	if (!image)
		return 0;
	key_of(&key, bpf_get_current_task_btf(), image, PT_REGS_RC(ctx), false);
	word = bpf_map_lookup_elem(&words, &key);
	if (!word || !waiters_in(word->state))
		return 0;
	read_integrals(&at, word, now);
	charge_wake(ctx, word, &site, at.waiting, at.busy, CW_FRAME_EXACT);
	book_cost(now);
	return 0;
}

#endif
