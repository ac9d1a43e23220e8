/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The maps. Sizes are defaults; user space sets them before loading. Nothing is preallocated, so a
 * map costs what it holds. User space only reads, and deletes rows of what ended or went quiet.
 */
#ifndef CW_MAPS_H
#define CW_MAPS_H

/* Set before loading. */
const volatile __u32 newcomers = CW_UNWATCHED; /* what a process is that nobody told us of */
const volatile __u32 our_pid_namespace = 0; /* the observer's, by inode; 0: the machine's first */
const volatile __u32 word_room = 131072;    /* max_entries of `words` */
const volatile __u32 thread_room = 65536;   /* max_entries of `threads` */

/* Written by user space: the number of the poll, so that "distinct waiters" is per interval. */
__u32 epoch = 1;

/* Handed out by the hooks. User space takes images for its first targets before attaching. */
__u32 next_image = 1;
__u32 next_word = 1;
__u32 next_generation = 1;

/* Kept here; user space subtracts what it forgets. */
__u64 words_kept;

/* Set by user space, see wire.h. */
__u32 stack_look = 1;
__u32 stacks_at_a_rate = 32; /* of one word, then half as many */
__s64 stacks_left = 500;
__s64 stacks_kept_back = 50;

/* Probes passed by goroutines (hooks_goroutines.h), by place; goroutines that wait, of all. */
__u64 goroutine_hits[CW_GO_PLACES];
__u64 goroutines_waiting;

/* Losses, see model/snapshot.h. */
__u64 lost_waits;
__u64 lost_stacks;
__u64 lost_events;
__u64 map_full;

#define CW_HASH(name, key_type, value_type, entries)  \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_HASH);      \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__uint(max_entries, entries);         \
		__type(key, key_type);                \
		__type(value, value_type);            \
	} name SEC(".maps")

CW_HASH(processes, __u32, struct cw_process, 16384); /* by process id */
CW_HASH(images, __u32, struct cw_image, 16384);
CW_HASH(threads, __u32, struct cw_thread, 65536); /* by thread id */
CW_HASH(words, struct cw_word_key, struct cw_word, 131072);
CW_HASH(octaves, struct cw_octave_key, struct cw_octave, 524288);
CW_HASH(sites, struct cw_site_key, struct cw_site, 262144);
CW_HASH(stacks, __u64, struct cw_stack, 16384); /* by hash of the addresses */

/* How often newcomers were refused in a poll: epoch << 32 | count, by hash of the word. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CW_KNOCK_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} knocks SEC(".maps");

/* Which threads were counted as waiters of which word in the current poll. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct cw_seen_key);
	__type(value, __u32);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cw_cost);
} cost SEC(".maps");

static __always_inline void count(__u64 *counter, __u64 by)
{
	__sync_fetch_and_add(counter, by);
}

#endif
