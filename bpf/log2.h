/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Neither BPF nor clang has an instruction for it. */
#ifndef CW_LOG2_H
#define CW_LOG2_H

static __always_inline __u32 log2_of(__u64 value)
{
	__u32 log = 0;

	if (value >> 32) {
		value >>= 32;
		log += 32;
	}
	if (value >> 16) {
		value >>= 16;
		log += 16;
	}
	if (value >> 8) {
		value >>= 8;
		log += 8;
	}
	if (value >> 4) {
		value >>= 4;
		log += 4;
	}
	if (value >> 2) {
		value >>= 2;
		log += 2;
	}
	return log + (value >> 1 & 1);
}

#endif
