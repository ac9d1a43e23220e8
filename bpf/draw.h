/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef CW_DRAW_H
#define CW_DRAW_H

/* How many events it is until the next one is taken, of which one in `one_in` is, on average. */
static __always_inline __s64 draw_next(__u32 one_in)
{
	return 1 + bpf_get_prandom_u32() % (2 * one_in - 1);
}

#endif
