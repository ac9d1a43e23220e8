/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Programs that user space runs itself: one piece of code keeps the books, whoever asks. */
#ifndef CW_ON_REQUEST_H
#define CW_ON_REQUEST_H

/* By one call at a time; on the stack it would not fit beside the frames of what is called. */
static struct cw_thread seeded;

/* Takes into the books a thread that was found waiting when we came. 0: done, 1: not needed. */
SEC("syscall")
int seed(struct cw_seed *at)
{
	__u32 tid = at->tid, tgid = at->tgid;
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);
	__u64 now = bpf_ktime_get_ns();
	struct cw_thread *fresh = &seeded, *thread;
	struct cw_word *word;
	char comm[CW_COMM];
	__u32 image;

	__builtin_memcpy(comm, at->comm, sizeof(comm));
	if (process ? process->watched == CW_UNWATCHED : newcomers == CW_UNWATCHED)
		return 1;
	image = image_of(tgid, newcomers, comm);
	if (!image)
		return 1;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (thread && (thread->call != CW_CALL_NONE || thread->last_event_ns >= at->read_ns))
		return 1; /* a hook saw that wait begin, or the thread move on */
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->word = at->word;
	if (fresh->word.scope == CW_PRIVATE)
		fresh->word.space = image;
	word = bpf_map_lookup_elem(&words, &fresh->word);
	if (!word)
		word = new_word(&fresh->word, now, at->value);
	if (!word)
		return 1;
	fresh->word_id = word->id;
	fresh->start_ns = now;
	fresh->last_event_ns = now;
	fresh->stack = at->stack;
	fresh->image = image;
	fresh->tgid = tgid;
	fresh->value = at->value;
	fresh->value_class = class_of(at->value);
	fresh->op = at->op;
	fresh->on_own_stack = at->on_own_stack;
	fresh->at_least = 1;
	fresh->weight = 1;
	fresh->call = CW_CALL_WAIT;
	/* Counted before it can be found: a hook that finds it may take it away at once. */
	fresh->joined = shift_waiters(word, 1);
	if (bpf_map_update_elem(&threads, &tid, fresh, thread ? BPF_EXIST : BPF_NOEXIST)) {
		shift_waiters(word, -1);
		return 1;
	}
	return 0;
}

/* Takes out of the books a wait that is over, if the thread is still booked as in it. 0: done. */
SEC("syscall")
int reap(struct cw_reap *what)
{
	__u32 tid = what->tid;
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (!thread || (thread->call != CW_CALL_WAIT && thread->call != CW_CALL_RESTART))
		return 1;
	if (what->start_ns ? thread->start_ns != what->start_ns : !thread->at_least)
		return 1;
	abandon_wait(thread);
	count(&lost_waits, what->lost);
	return 0;
}

/*
 * Gives a wait that goes on the stack that was not taken when it began, or its own once more. 0:
 * done. All waits as long as this one have their stacks then, and each stands for itself alone.
 */
SEC("syscall")
int add_stack(struct cw_late_stack *late)
{
	__u32 tid = late->tid;
	struct cw_thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (!thread || thread->call != CW_CALL_WAIT || thread->start_ns != late->start_ns ||
	    (thread->stack && thread->stack != late->stack))
		return 1;
	thread->stack = late->stack;
	thread->weight = 1;
	return 0;
}

/* Says whether an undecided process is watched. 0: done; 1: it has become another question. */
SEC("syscall")
int decide(struct cw_decide *what)
{
	__u32 tgid = what->tgid;
	struct cw_process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct cw_image *image;

	if (!process || process->generation != what->generation)
		return 1;
	process->watched = what->watched;
	image = bpf_map_lookup_elem(&images, &process->image);
	if (image)
		image->watched = what->watched;
	return 0;
}

/* Marks a word as one whose waiters time out and wait again. 0: done; 1: nobody knows it. */
SEC("syscall")
int join_polls(struct cw_polled *what)
{
	struct cw_word_key key = what->word;
	struct cw_word *word = bpf_map_lookup_elem(&words, &key);

	if (!word)
		return 1;
	word->polled = 1;
	return 0;
}

struct tally {
	__u32 word_id;
	__u32 waiters;
};

static long tally_thread(void *map, __u32 *tid, struct cw_thread *thread, struct tally *tally)
{
	if (thread->word_id == tally->word_id &&
	    (thread->call == CW_CALL_WAIT || thread->call == CW_CALL_RESTART))
		tally->waiters++;
	return 0;
}

/*
 * Sets a word's number of waiters to what the threads' records say. 0: it was wrong and is put
 * right; 1: it was right, or somebody came or went meanwhile.
 */
SEC("syscall")
int settle(struct cw_settle *what)
{
	struct cw_word_key key = what->word;
	struct cw_word *word = bpf_map_lookup_elem(&words, &key);
	struct tally tally = {};
	__u64 state, now, elapsed;

	if (!word)
		return 1;
	state = *(volatile __u64 *)&word->state;
	tally.word_id = word->id;
	bpf_for_each_map_elem(&threads, tally_thread, &tally, 0);
	if (tally.waiters == waiters_in(state))
		return 1;
	now = bpf_ktime_get_ns();
	elapsed = ticks_since(state, now);
	if (__sync_val_compare_and_swap(&word->state, state,
					(__u64)tally.waiters << CW_STATE_SHIFT |
					    ((state + elapsed) & CW_STATE_TIME)) != state)
		return 1;
	count(&word->waiting, tally.waiters * elapsed);
	count(&word->busy, tally.waiters ? elapsed : 0);
	return 0;
}

#endif
