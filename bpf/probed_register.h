/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a register of a probed thread holds. */
#ifndef CW_PROBED_REGISTER_H
#define CW_PROBED_REGISTER_H

/* A read of its own for each: the verifier refuses the address arithmetic of one merged from them.
 */
#define CW_REGISTER(number, place)     \
	case number: {                 \
		__u64 value = (place); \
		barrier_var(value);    \
		return value;          \
	}

/* By DWARF number (model/alloc_site.h); the likely ones first. */
static __always_inline __u64 register_of(struct pt_regs *ctx, __u32 number)
{
	switch (number) {
#ifdef __TARGET_ARCH_x86
		CW_REGISTER(5, ctx->di)
		CW_REGISTER(4, ctx->si)
		CW_REGISTER(1, ctx->dx)
		CW_REGISTER(2, ctx->cx)
		CW_REGISTER(0, ctx->ax)
		CW_REGISTER(3, ctx->bx)
		CW_REGISTER(6, ctx->bp)
		CW_REGISTER(8, ctx->r8)
		CW_REGISTER(9, ctx->r9)
		CW_REGISTER(10, ctx->r10)
		CW_REGISTER(11, ctx->r11)
		CW_REGISTER(12, ctx->r12)
		CW_REGISTER(13, ctx->r13)
		CW_REGISTER(14, ctx->r14)
		CW_REGISTER(15, ctx->r15)
#else
		CW_REGISTER(0, PT_REGS_PARM1(ctx))
		CW_REGISTER(1, PT_REGS_PARM2(ctx))
		CW_REGISTER(2, PT_REGS_PARM3(ctx))
#endif
	}
	return 0;
}

#endif
