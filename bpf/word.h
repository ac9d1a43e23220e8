/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The books of one futex word: which word is meant, who waits, for how long.
 *
 * What has a loop, or is called from several places, is a global function: the verifier looks at it
 * once instead of once for every way that leads to it, and loading stays short.
 */
#ifndef CW_WORD_H
#define CW_WORD_H

#define VM_SHARED 0x8 /* include/linux/mm.h */
#define PAGE_SHIFT 12 /* futex words of files are only resolved on machines with 4 KB pages */

/*
 * Tries of a compare-and-swap before it is given up and counted as lost. One fails only to a swap
 * by another CPU within some 50 ns, after a system call's way; each costs the verifier once more
 * through the loop.
 */
#define CW_SWAP_TRIES 16

struct file_place {
	__u64 address;
	__u64 inode;
	__u64 offset;
	__u32 device;
	__u32 found;
};

static long place_in_file(struct task_struct *task, struct vm_area_struct *vma, void *context)
{
	struct file_place *place = context;
	struct file *file = vma->vm_file;

	/* A private mapping's page is the process's own: keyed by address, as the kernel does. */
	if (!file || !(vma->vm_flags & VM_SHARED))
		return 0;
	place->inode = file->f_inode->i_ino;
	place->device = file->f_inode->i_sb->s_dev;
	place->offset = place->address - vma->vm_start + ((__u64)vma->vm_pgoff << PAGE_SHIFT);
	place->found = 1;
	return 0;
}

/* Keys a word as get_futex_key() in kernel/futex/core.c does. */
static __always_inline void key_of(struct cw_word_key *key, struct task_struct *task, __u32 image,
				   __u64 address, bool shared)
{
	key->space = image;
	key->address = address;
	key->device = 0;
	key->scope = CW_PRIVATE;
	if (!shared)
		return;

	struct file_place place = {.address = address};
	if (bpf_find_vma(task, address, place_in_file, &place, 0)) {
		count(&lost_events, 1); /* mmap_lock was taken: the word is kept as a private one */
		return;
	}
	if (place.found) {
		key->space = place.inode;
		key->address = place.offset;
		key->device = place.device;
		key->scope = CW_FILE;
	}
}

/* Whether a newcomer gets one of the last places. */
static __always_inline bool admitted(const struct cw_word_key *key)
{
	__u64 hash = (key->space * 0x9e3779b97f4a7c15ULL ^ key->address) * 0xff51afd7ed558ccdULL;
	__u32 slot = hash >> 48 & (CW_KNOCK_SLOTS - 1);
	__u64 *knock, polled = (__u64)epoch << 32;

	if (words_kept < word_room - word_room / CW_RESERVE)
		return true;
	knock = bpf_map_lookup_elem(&knocks, &slot);
	if (!knock)
		return false;
	*knock = *knock < polled ? polled | 1 : *knock + 1;
	return (__u32)*knock > CW_KNOCKS;
}

static __noinline struct cw_word *new_word(struct cw_word_key *key, __u64 now, __u32 value)
{
	struct cw_word fresh = {};
	long error;

	fresh.state = now >> CW_TICK_SHIFT & CW_STATE_TIME;
	fresh.id = __sync_fetch_and_add(&next_word, 1);
	fresh.first_value = value;
	fresh.last_value = value;
	if (!key)
		return NULL;
	error = admitted(key) ? bpf_map_update_elem(&words, key, &fresh, BPF_NOEXIST)
			      : -28 /* ENOSPC */;
	if (error && error != -17 /* EEXIST: another thread was first */) {
		count(&map_full, 1);
		return NULL;
	}
	if (!error)
		count(&words_kept, 1);
	return bpf_map_lookup_elem(&words, key);
}

static __always_inline __u64 waiters_in(__u64 state)
{
	return state >> CW_STATE_SHIFT;
}

/* Ticks from the state's last change to `now`; 0 when another CPU has been there later than we. */
static __always_inline __u64 ticks_since(__u64 state, __u64 now)
{
	__u64 elapsed = ((now >> CW_TICK_SHIFT) - state) & CW_STATE_TIME;

	return elapsed > CW_STATE_TIME / 2 ? 0 : elapsed;
}

/*
 * Adds or takes away one waiter; the tick at which it was done. Whoever swaps the state owns the
 * stretch of time since the last change and books it, so every stretch is booked once whatever the
 * order of CPUs. The clock is read after the state, so that time never runs backwards in it. A
 * reader may see a stretch swapped and not yet booked; it is in the next reading.
 */
__noinline __u64 shift_waiters(struct cw_word *word, int by)
{
	if (!word)
		return 0;
	for (int i = 0; i < CW_SWAP_TRIES; i++) {
		__u64 state = *(volatile __u64 *)&word->state;
		__u64 waiters = waiters_in(state);
		__u64 elapsed = ticks_since(state, bpf_ktime_get_ns());
		__u64 tick = (state + elapsed) & CW_STATE_TIME;

		if (by < 0 && !waiters)
			return tick; /* already taken away by a reap */
		if (__sync_val_compare_and_swap(&word->state, state,
						(waiters + by) << CW_STATE_SHIFT | tick) != state)
			continue;
		if (waiters && elapsed) {
			count(&word->waiting, waiters * elapsed);
			count(&word->busy, elapsed);
		}
		return tick;
	}
	count(&lost_events, 1);
	return 0;
}

/*
 * Takes back a call that turned out not to be a wait (EAGAIN): what it added to the books since it
 * joined is subtracted. `busy` keeps it where somebody else came or went meanwhile.
 */
static __always_inline void retract_waiter(struct cw_word *word, __u64 joined)
{
	__u64 state = *(volatile __u64 *)&word->state;
	bool alone = waiters_in(state) == 1 && (state & CW_STATE_TIME) == joined;
	__u64 stay = (shift_waiters(word, -1) - joined) & CW_STATE_TIME;

	count(&word->waiting, -stay);
	if (alone)
		count(&word->busy, -stay);
}

/* The word's integrals up to now. */
struct integrals {
	__u64 waiting;
	__u64 busy;
};

__noinline int read_integrals(struct integrals *at, struct cw_word *word, __u64 now)
{
	if (!at || !word)
		return 0;
	for (int i = 0; i < 8; i++) {
		__u64 state = *(volatile __u64 *)&word->state;
		__u64 elapsed = ticks_since(state, now);

		at->waiting = *(volatile __u64 *)&word->waiting + waiters_in(state) * elapsed;
		at->busy = *(volatile __u64 *)&word->busy + (waiters_in(state) ? elapsed : 0);
		if (state == *(volatile __u64 *)&word->state)
			break;
	}
	return 0;
}

/* The bucket of model/histogram.h. */
__noinline int add_to_histogram(__u32 word, __u32 distribution, __u64 ns)
{
	__u32 log = log2_of(ns);
	struct cw_octave_key key = {.word = word, .distribution = distribution};
	__u32 within = ns & 7;

	if (log >= 3) {
		key.octave = log - 2;
		within = ns >> ((log - 3) & 63) & 7;
	}
	struct cw_octave *octave = bpf_map_lookup_elem(&octaves, &key);
	if (!octave) {
		struct cw_octave fresh = {};

		bpf_map_update_elem(&octaves, &key, &fresh, BPF_NOEXIST);
		octave = bpf_map_lookup_elem(&octaves, &key);
		if (!octave) {
			count(&map_full, 1);
			return 0;
		}
	}
	count(&octave->count[within & 7], 1);
	return 0;
}

/* Books `weight` events of `ns` each for one call site of a word. */
__noinline int add_to_site(struct cw_site_key *key, __u64 weight, __u64 ns, __u64 on_own_stack)
{
	struct cw_site_key own;
	struct cw_site *site;

	if (!key)
		return 0;
	own = *key; /* before 6.5 a map's key may not be an argument */
	site = bpf_map_lookup_elem(&sites, &own);
	if (!site) {
		struct cw_site fresh = {};

		bpf_map_update_elem(&sites, &own, &fresh, BPF_NOEXIST);
		site = bpf_map_lookup_elem(&sites, &own);
		if (!site) {
			count(&map_full, 1);
			count(&lost_stacks, 1);
			return 0;
		}
	}
	count(&site->count, weight);
	count(&site->ns, ns * weight);
	if (on_own_stack)
		count(&site->on_own_stack, weight);
	return 0;
}

#endif
