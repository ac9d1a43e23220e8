/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The books of a thread's stay on a word: it joins the waiters, and is taken away again. */
#ifndef CW_WAIT_H
#define CW_WAIT_H

/* Values of cw_thread.slept beside 1. */
#define CW_SLEPT_POLLING 2

enum outcome { WOKEN, TIMED_OUT, INTERRUPTED, RACED, FAILED };

/* One thread counts once as a waiter of a word in each poll. */
static __always_inline void count_distinct(struct cw_word *word, struct cw_thread *thread,
					   __u32 tid)
{
	struct cw_seen_key key = {.word = word->id, .tid = tid};
	__u32 now = epoch;
	__u32 *seen_in;

	if (thread->seen_word == word->id && thread->seen_epoch == now)
		return;
	thread->seen_word = word->id;
	thread->seen_epoch = now;
	seen_in = bpf_map_lookup_elem(&seen, &key);
	if (seen_in && *seen_in == now)
		return;
	bpf_map_update_elem(&seen, &key, &now, BPF_ANY);
	count(&word->distinct[now & 1], 1);
}

/* A value that a thread just woken expects again tells a lock from a counter that moves on. */
static __always_inline void note_value(struct cw_word *word, struct cw_thread *thread)
{
	if (thread->woken_word == word->id && thread->woken_value == thread->value)
		count(&word->repeats, 1);
	if (word->last_value != thread->value) {
		word->last_value = thread->value;
		count(&word->value_changes, 1);
	}
}

/* Found to be none of our business while it waited: nothing of it is kept, nothing is lost. */
static __always_inline bool is_dismissed(__u32 image_id)
{
	struct cw_image *image = bpf_map_lookup_elem(&images, &image_id);

	return image && image->watched == CW_UNWATCHED;
}

/* Books the wait that `thread` is in. `task` is the waiter, or NULL when its end was missed. */
static __noinline int end_wait(struct cw_thread *thread, struct task_struct *task, __u32 tid,
			       __u64 now, int outcome)
{
	struct cw_word *word;
	__u64 stay, delay = 0;

	if (!thread)
		return 0;
	stay = now - thread->start_ns;
	thread->call = CW_CALL_NONE;
	word = thread->word_id ? bpf_map_lookup_elem(&words, &thread->word) : NULL;
	if (!word || word->id != thread->word_id) {
		if (outcome != RACED && outcome != FAILED && !is_dismissed(thread->image))
			count(&lost_waits, 1);
		return 0;
	}
	if (outcome == RACED || outcome == FAILED) {
		retract_waiter(word, thread->joined);
		count(outcome == RACED ? &word->raced : &word->failed, 1);
		return 0;
	}
	shift_waiters(word, -1);
	count_distinct(word, thread, tid);
	if (outcome == WOKEN) {
		count(&word->woken, 1);
		thread->woken_word = word->id;
		thread->woken_value = thread->value;
	} else {
		count(outcome == TIMED_OUT ? &word->timed_out : &word->interrupted, 1);
	}
	if (word->requeued && thread->start_ns < word->requeue_ns)
		__sync_fetch_and_sub(&word->requeued, 1);
	if (thread->at_least)
		count(&word->at_least, 1);
	else if (task)
		delay = task->sched_info.run_delay - thread->run_delay_ns;
	count(&word->wait_ns, stay);
	count(&word->runnable_ns, delay < stay ? delay : stay);
	add_to_histogram(word->id, CW_WAIT_TIME, stay);

	if (!thread->weight || thread->weight == CW_STACK_REFUSED)
		return 0;
	struct cw_site_key site = {
	    .stack = thread->stack,
	    .word = word->id,
	    .image = thread->image,
	    .op = thread->op,
	    .value_class = thread->value_class,
	    .role = CW_WAITER,
	};
	add_to_site(&site, thread->weight, stay, thread->on_own_stack);
	return 0;
}

/* Not on the stack: with what else is there it would not fit on older kernels. */
const __u8 blank_thread[sizeof(struct cw_thread)] = {};

static __noinline struct cw_thread *thread_of(__u32 tid, struct task_struct *task, __u32 image)
{
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (thread && thread->image == image)
		return thread;
	if (bpf_map_update_elem(&threads, &tid, blank_thread, BPF_ANY)) {
		count(&map_full, 1);
		return NULL;
	}
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (!thread)
		return NULL;
	thread->image = image;
	thread->tgid = tgid_of(task);
	return thread;
}

/* Gives up a wait whose end no hook saw: that it was is known, its length is not. */
static __noinline int abandon_wait(struct cw_thread *thread)
{
	struct cw_word *word;

	if (!thread)
		return 0;
	thread->call = CW_CALL_NONE;
	word = thread->word_id ? bpf_map_lookup_elem(&words, &thread->word) : NULL;
	if (word && word->id == thread->word_id)
		shift_waiters(word, -1);
	return 0;
}

/* A time-out on a polled word is no end yet. False when the word is none. */
static __noinline bool pause_wait(struct cw_thread *thread, struct task_struct *task, __u64 now)
{
	struct cw_poll *poll;
	struct cw_word *word;

	if (!thread || !task || !thread->word_id)
		return false;
	word = bpf_map_lookup_elem(&words, &thread->word);
	if (!word || word->id != thread->word_id || !word->polled)
		return false;
	shift_waiters(word, -1);
	count_distinct(word, thread, tid_of(task));
	poll = &thread->poll;
	poll->word = thread->word;
	poll->address = thread->second_address;
	poll->start_ns = thread->start_ns;
	poll->run_delay_ns = thread->run_delay_ns;
	poll->timed_out_ns = now;
	poll->timed_out_delay = task->sched_info.run_delay;
	poll->stack = thread->stack;
	poll->word_id = thread->word_id;
	poll->value = thread->value;
	poll->weight = thread->weight;
	poll->op = thread->op;
	poll->value_class = thread->value_class;
	poll->flags = (thread->on_own_stack ? 1 : 0) | (thread->at_least ? 2 : 0);
	thread->call = CW_CALL_NONE;
	return true;
}

/* Puts the thread back into the wait that it paused. */
static __noinline int resume_wait(struct cw_thread *thread)
{
	struct cw_poll *poll;

	if (!thread)
		return 0;
	poll = &thread->poll;
	thread->word = poll->word;
	thread->second_address = poll->address;
	thread->start_ns = poll->start_ns;
	thread->run_delay_ns = poll->run_delay_ns;
	thread->stack = poll->stack;
	thread->word_id = poll->word_id;
	thread->value = poll->value;
	thread->weight = poll->weight;
	thread->op = poll->op;
	thread->value_class = poll->value_class;
	thread->on_own_stack = poll->flags & 1;
	thread->at_least = poll->flags >> 1 & 1;
	thread->shared = 0;
	poll->timed_out_ns = 0;
	return 0;
}

/*
 * Back after a time-out: the same wait, on the same word or the other one of its condition variable
 * (they share eight bytes and take turns).
 */
static __noinline bool poll_goes_on(struct cw_thread *thread, struct task_struct *task,
				    __u64 address, __u64 now)
{
	struct cw_poll *poll;
	struct cw_word *word;

	if (!thread || !task)
		return false;
	poll = &thread->poll;
	if ((poll->address ^ address) & ~7ULL)
		return false;
	if (now - poll->timed_out_ns >
	    CW_POLL_GAP + (task->sched_info.run_delay - poll->timed_out_delay))
		return false; /* it ran in between: it had what it waited for */
	resume_wait(thread);
	thread->word.address = address;
	thread->second_address = address;
	word = bpf_map_lookup_elem(&words, &thread->word);
	if (!word)
		word = new_word(&thread->word, now, thread->value);
	thread->word_id = word ? word->id : 0;
	thread->switches = task->nvcsw;
	thread->slept = CW_SLEPT_POLLING;
	thread->call = CW_CALL_WAIT;
	if (!word)
		return true;
	word->polled = 1;
	thread->joined = shift_waiters(word, 1);
	count_distinct(word, thread, tid_of(task));
	return true;
}

/* It did not come back: the wait ended with its last time-out. */
static __noinline int end_poll(struct cw_thread *thread, struct task_struct *task, __u32 tid)
{
	struct cw_word *word;
	__u64 ended;

	if (!thread || !thread->poll.timed_out_ns)
		return 0;
	ended = thread->poll.timed_out_ns;
	resume_wait(thread);
	word = bpf_map_lookup_elem(&words, &thread->word);
	if (word && word->id == thread->word_id)
		shift_waiters(word, 1); /* for end_wait() to take away */
	return end_wait(thread, task, tid, ended, TIMED_OUT);
}

static __always_inline void take_waiters_stack(void *ctx, struct cw_thread *thread,
					       struct cw_word *word, __u64 ns, __u64 leaf)
{
	__u64 waits = word->woken + word->timed_out + word->interrupted;

	thread->weight = stack_weight(turn_of(word, CW_WAITER), ns, word->wait_ns, waits);
	thread->stack = thread->weight ? take_stack(ctx, leaf) : 0;
}

/*
 * Where not every wait has its stack taken, that is decided by its length, at its end: the caller
 * still is where it was.
 */
static __noinline int take_stack_at_end(void *ctx, struct cw_thread *thread, __u64 now, __u64 leaf)
{
	struct cw_word *word;

	if (!thread || thread->weight)
		return 0;
	word = thread->word_id ? bpf_map_lookup_elem(&words, &thread->word) : NULL;
	if (word && word->id == thread->word_id && !word->polled)
		take_waiters_stack(ctx, thread, word, now - thread->start_ns, leaf);
	return 0;
}

/* Adds a thread whose wait has been written down to the waiters of its word. */
static __always_inline void join_word(void *ctx, struct cw_thread *thread, __u32 tid, __u64 now,
				      __u64 leaf)
{
	struct cw_word *word = bpf_map_lookup_elem(&words, &thread->word);

	if (!word)
		word = new_word(&thread->word, now, thread->value);
	if (!word)
		return;
	thread->word_id = word->id;
	thread->joined = shift_waiters(word, 1);
	count_distinct(word, thread, tid);
	note_value(word, thread);
	word->last_image = thread->image;
	word->last_op = thread->op;
	word->last_value_class = thread->value_class;
	word->last_on_own_stack = thread->on_own_stack;
	thread->weight = 0;
	thread->stack = 0;
	if (word->polled || !turn_of(word, CW_WAITER)->shift) {
		take_waiters_stack(ctx, thread, word, 0, leaf);
		if (!thread->weight)
			thread->weight = CW_STACK_REFUSED; /* once: not at its end again */
	}
}

#endif
