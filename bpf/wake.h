/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A wake is charged the waiting that piled up on its word since the wake before. What counts is the
 * moment it began: the woken may be back in user code, and waiting again, before the waker returns.
 */
#ifndef CW_WAKE_H
#define CW_WAKE_H

/* A word as it stands when a wake begins. */
struct wake_target {
	__u64 waiting;
	__u64 busy;
	__u32 word_id; /* 0: nobody ever waited there */
	__u32 waiters;
};

static __noinline int find_target(struct wake_target *target, struct cw_word_key *key, __u64 now)
{
	struct integrals at = {};
	struct cw_word *word;

	if (!target || !key)
		return 0;
	word = bpf_map_lookup_elem(&words, key);
	if (!word)
		return 0;
	read_integrals(&at, word, now);
	target->waiting = at.waiting;
	target->busy = at.busy;
	target->word_id = word->id;
	target->waiters = waiters_in(word->state);
	return 0;
}

/* False when the call is none of our business. */
static __always_inline bool begin_wake(struct task_struct *task, const struct futex_call *call,
				       __u64 now)
{
	struct wake_target first = {}, second = {};
	struct cw_word_key key, second_key;
	struct cw_thread *thread;
	__u32 image = watched_image(task);

	if (!image && !call->shared)
		return false;
	key_of(&key, task, image, call->address, call->shared);
	if (!image && key.scope == CW_PRIVATE)
		return false;
	find_target(&first, &key, now);
	if (call->second_address) {
		key_of(&second_key, task, image, call->second_address, call->shared);
		find_target(&second, &second_key, now);
	}
	if (!first.word_id && !second.word_id)
		return false;
	if (!image)
		image = any_image(task);
	if (!image)
		return false; /* in a pid namespace that ours does not see */
	thread = thread_of(tid_of(task), task, image);
	if (!thread)
		return true;
	close_last_call(thread, task, now);
	thread->last_event_ns = now;
	thread->start_ns = now;
	thread->word = key;
	thread->word_id = first.word_id;
	thread->waiters = first.waiters;
	thread->mark = first.waiting;
	thread->busy_mark = first.busy;
	thread->second_mark = second.waiting;
	thread->second_busy_mark = second.busy;
	thread->second_address = second.word_id ? call->second_address : 0;
	thread->op = call->op;
	thread->shared = call->shared;
	thread->value = call->value;
	thread->call = CW_CALL_WAKE;
	return true;
}

/* Moves the word's mark up to this wake's; what lies between is this wake's charge, in ticks. */
__noinline __u64 take_charge(struct cw_word *word, __u64 mark)
{
	if (!word)
		return 0;
	for (int i = 0; i < CW_SWAP_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&word->charged_mark;

		if ((__s64)(mark - old) <= 0)
			return 0; /* a later wake was charged already */
		if (__sync_val_compare_and_swap(&word->charged_mark, old, mark) == old)
			return mark - old;
	}
	count(&lost_events, 1);
	return 0;
}

/* `site`: who wakes, as far as it is known before a stack is taken. */
static __always_inline void charge_wake(void *ctx, struct cw_word *word, struct cw_site_key *site,
					__u64 mark, __u64 busy_mark, __u64 leaf)
{
	__u64 ns = take_charge(word, mark) << CW_TICK_SHIFT;
	__u64 waiters = waiters_in(word->state) + 1; /* with the one just woken */
	__u64 requeued = word->requeued;
	__s64 gap = (busy_mark - word->busy_mark) << CW_TICK_SHIFT;
	__u32 weight;

	/* Those that sleep on another word by now are not this waker's to answer for. */
	if (requeued)
		ns = requeued >= waiters ? 0 : ns / waiters * (waiters - requeued);
	count(&word->charged_ns, ns);
	count(&word->wakes, 1);
	weight = stack_weight(turn_of(word, CW_WAKER), ns, word->charged_ns, word->wakes);
	if (gap > 0) {
		word->busy_mark = busy_mark;
		add_to_histogram(word->id, CW_WAKE_GAP, gap);
	}

	if (!weight)
		return;
	site->stack = take_stack(ctx, leaf);
	site->word = word->id;
	add_to_site(site, weight, ns, 0);
}

static __always_inline bool is_requeue(__u16 op)
{
	__u16 command = op & FUTEX_CMD_MASK;

	return command == FUTEX_REQUEUE || command == FUTEX_CMP_REQUEUE ||
	       command == FUTEX_CMP_REQUEUE_PI;
}

/*
 * How many waiters of the first word the call woke. futex_requeue() answers those woken, at most
 * `value`, and those moved; FUTEX_WAKE_OP those woken on both words; FUTEX_UNLOCK_PI nothing, but
 * it is only called when somebody waits.
 */
static __always_inline __u64 woken_on_first(struct cw_thread *thread, __u64 answer)
{
	if ((thread->op & FUTEX_CMD_MASK) == FUTEX_UNLOCK_PI)
		return thread->waiters ? 1 : 0;
	if (thread->second_address && answer > thread->waiters)
		answer = thread->waiters;
	return answer > thread->value ? thread->value : answer;
}

static __always_inline void finish_wake(void *ctx, struct cw_thread *thread,
					struct task_struct *task, long answer)
{
	struct cw_word *word = thread->word_id ? bpf_map_lookup_elem(&words, &thread->word) : NULL;
	struct cw_word *second = NULL;
	__u64 first_woken, all_woken = answer;

	thread->call = CW_CALL_NONE;
	if (answer < 0)
		return;
	if (word && word->id != thread->word_id)
		word = NULL;
	first_woken = word ? woken_on_first(thread, answer) : 0;
	if (word && is_requeue(thread->op) && all_woken > first_woken) {
		word->requeue_ns = bpf_ktime_get_ns();
		__sync_fetch_and_add(&word->requeued, all_woken);
	}
	if (thread->second_address && all_woken > first_woken) {
		struct cw_word_key key;

		key_of(&key, task, thread->image, thread->second_address, thread->shared);
		second = bpf_map_lookup_elem(&words, &key);
	}
	struct cw_site_key site = {.image = thread->image, .op = thread->op, .role = CW_WAKER};

	if (word && first_woken)
		charge_wake(ctx, word, &site, thread->mark, thread->busy_mark, CW_AFTER_CALL);
	if (second)
		charge_wake(ctx, second, &site, thread->second_mark, thread->second_busy_mark,
			    CW_AFTER_CALL);
}

#endif
