/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Which events of a word, waits or wakes, have their stack taken: see CW_STACKS_NAMED. */
#ifndef CW_STACK_TURN_H
#define CW_STACK_TURN_H

static __always_inline struct cw_stack_turn *turn_of(struct cw_word *word, __u32 role)
{
	struct cw_stack_turn *turn = &word->turn[role & 1];
	__u32 now = stack_look, seen = *(volatile __u32 *)&turn->look;
	__u32 gone = now - seen, too_many;

	if (!gone || __sync_val_compare_and_swap(&turn->look, seen, now) != seen)
		return turn;
	too_many = gone == 1 && stacks_at_a_rate ? turn->events / stacks_at_a_rate : 0;
	turn->shift = too_many ? log2_of(too_many) + 1 : 0;
	turn->events = 0;
	turn->taken = 0;
	return turn;
}

/* One in how many events that take `ns` each has its stack taken, of `events` that took `sum_ns`.
 */
static __always_inline __u32 one_in(__u8 shift, __u64 ns, __u64 sum_ns, __u64 events)
{
	__u64 all = 1ULL << (shift & 31), mean_ns, fewer;

	if (all == 1 || !ns || !events)
		return all;
	mean_ns = sum_ns / events;
	if (ns <= mean_ns)
		return all;
	fewer = mean_ns * all / ns;
	return fewer ? fewer : 1;
}

static __always_inline bool wants_stack(struct cw_stack_turn *turn, __u32 one_in)
{
	__s64 left = *(volatile __s64 *)&stacks_left;

	if (left <= 0)
		return false;
	if (left <= stacks_kept_back && (turn->shift || turn->taken >= CW_STACKS_NAMED))
		return false;
	return one_in == 1 || bpf_get_prandom_u32() % one_in == 0;
}

/*
 * How many events of this turn a stack taken now stands for; 0: take none. Most of the time may be
 * that of a few events: of those longer than the mean so many more are taken.
 */
static __always_inline __u32 stack_weight(struct cw_stack_turn *turn, __u64 ns, __u64 sum_ns,
					  __u64 events)
{
	__u32 zero = 0, weight = one_in(turn->shift, ns, sum_ns, events);
	struct cw_cost *mine = bpf_map_lookup_elem(&cost, &zero);
	bool taken = wants_stack(turn, weight);

	turn->events++;
	if (mine) {
		mine->stacks_wanted++;
		mine->stacks_taken += taken;
	}
	if (!taken)
		return 0;
	count((__u64 *)&stacks_left, -1);
	if (++turn->taken >= stacks_at_a_rate && turn->shift < CW_STACK_SHIFT_MAX) {
		turn->taken = 0;
		turn->shift++;
	}
	return weight;
}

#endif
