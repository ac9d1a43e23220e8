/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * From a frame to its caller, by rows made of .eh_frame: without frame pointers, and without
 * stopping anybody. Where there is no row (code made at run time, assembly) the frame pointer is
 * followed, and the frame marked as guessed.
 *
 * The functions are global, with a walk or plain numbers as arguments: the verifier looks at each
 * once. Searches have no branch in them, which is quicker for it and for the processor.
 */
#ifndef CW_UNWIND_H
#define CW_UNWIND_H

/*
 * A place in a page, with its bound where older verifiers can see it: before 6.2 they forget what
 * is known of a number in a 32-bit `or`, which is what a mask turns into when it is optimised away.
 */
static __always_inline __u64 place_in(__u64 place, __u64 places)
{
	barrier_var(place);
	return place & (places - 1);
}

/* Index of the last of 1,024 ascending values that is not above `wanted`; 0 if there is none. */
static __always_inline __u32 last_row_at(const __u32 *pc, __u32 wanted)
{
	__u64 at = 0;

#pragma unroll
	for (__u32 half = CW_PAGE_ROWS / 2; half; half /= 2) {
		/* The top bit is set when pc[at + half] <= wanted. */
		__u64 below = (__u64)pc[place_in(at + half, CW_PAGE_ROWS)] - wanted - 1;

		barrier_var(below);
		at += (below >> 63) * half;
	}
	return place_in(at, CW_PAGE_ROWS);
}

static __always_inline __u32 last_range_at(const __u64 *start, __u64 wanted)
{
	__u64 at = 0;

#pragma unroll
	for (__u32 half = CW_PAGE_RANGES / 2; half; half /= 2) {
		__u64 below = start[place_in(at + half, CW_PAGE_RANGES)] - wanted - 1;

		barrier_var(below);
		at += (below >> 63) * half;
	}
	return place_in(at, CW_PAGE_RANGES);
}

/* The number of the rule at `pc` of a table; 0: none. */
__noinline __u32 rule_at(__u32 table, __u32 pc)
{
	struct cw_row_page *page;
	void *pages;
	__u32 at = 0;

	pages = bpf_map_lookup_elem(&unwind_tables, &table);
	if (!pages)
		return 0;
	page = bpf_map_lookup_elem(pages, &at);
	if (!page)
		return 0;
	at = last_row_at(page->pc, pc) + 1;
	page = bpf_map_lookup_elem(pages, &at);
	if (!page)
		return 0;
	at = last_row_at(page->pc, pc);
	at = place_in(at, CW_PAGE_ROWS);
	return page->pc[at] <= pc ? page->rule[at] : 0;
}

/* Finds the code that `address` lies in; false when it is not described. */
__noinline int find_range(struct walk *walk, __u64 address)
{
	struct cw_range_page *page;
	void *pages;
	__u32 at = 0, space;

	if (!walk)
		return 0;
	if (address >= walk->range_start && address < walk->range.end)
		return 1;
	space = walk->space;
	pages = bpf_map_lookup_elem(&code_spaces, &space);
	if (!pages)
		return 0;
	page = bpf_map_lookup_elem(pages, &at);
	if (!page)
		return 0;
	at = last_range_at(page->start, address) + 1;
	page = bpf_map_lookup_elem(pages, &at);
	if (!page)
		return 0;
	at = last_range_at(page->start, address);
	at = place_in(at, CW_PAGE_RANGES);
	if (page->start[at] > address || page->range[at].end <= address)
		return 0;
	walk->range_start = page->start[at];
	walk->range = page->range[at];
	return 1;
}

/* One word of the user's stack. False: it cannot be read. */
__noinline int read_word(struct walk *walk, __u64 address, __u64 *value)
{
	__u64 offset, index;

	if (!walk || !value)
		return 0;
	offset = address - walk->window_at;
	if (offset < sizeof(walk->window) && !(offset & 7)) {
		index = offset / 8;
		barrier_var(index); /* else the mask is optimised away, which is the proof */
		*value = walk->window[index & (CW_WINDOW_WORDS - 1)];
		return 1;
	}
	/* Whoever reads two words reads the lower one first; all later ones lie above. */
	if (!bpf_probe_read_user(walk->window, sizeof(walk->window), (void *)address)) {
		walk->window_at = address;
		*value = walk->window[0];
		return 1;
	}
	walk->window_at = 0;
	return !bpf_probe_read_user(value, sizeof(*value), (void *)address);
}

/*
 * Where a function returns to that a return probe was put on: the probe has replaced the address
 * on the stack by a trampoline's (prepare_uretprobe(), kernel/events/uprobes.c).
 */
#define CW_RETURN_PROBES 64 /* MAX_URETPROBE_DEPTH */
__noinline __u64 replaced_return(__u64 at)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct return_instance *instance;

	if (!bpf_core_field_exists(struct uprobe_task, return_instances))
		return 0;
	instance = BPF_CORE_READ(task, utask, return_instances);
	for (int i = 0; i < CW_RETURN_PROBES && instance; i++) {
		if (BPF_CORE_READ(instance, stack) == at)
			return BPF_CORE_READ(instance, orig_ret_vaddr);
		instance = BPF_CORE_READ(instance, next);
	}
	return 0;
}

static __always_inline int stop(struct walk *walk, __u32 end)
{
	walk->stack.end = end;
	return 0;
}

/* Moves to the caller at `pc`, whose stack begins at `sp`. */
static __always_inline int move_on(struct walk *walk, __u64 pc, __u64 sp, __u64 fp, __u64 flags)
{
	/* Each frame lies above the one inside it; a signal may come in on another stack. */
	if (sp <= walk->sp && !(flags & CW_FRAME_EXACT))
		return stop(walk, CW_END_ASTRAY);
	if (!pc)
		return stop(walk, CW_END_OUTERMOST);
	walk->pc = pc & CW_FRAME_ADDRESS;
	walk->sp = sp;
	walk->fp = fp;
	walk->flags = flags;
	return 1;
}

/*
 * The psABI's frame: the caller's frame pointer, then the return address; 0 in the outermost. Code
 * that keeps no frame pointers leaves the 0 its thread began with: it proves nothing in the first
 * frame.
 */
__noinline int step_by_frame_pointer(struct walk *walk)
{
	__u64 fp = 0, next_fp = 0, pc = 0;

	if (!walk)
		return 0;
	fp = walk->fp;
	if (!fp)
		return stop(walk, walk->stack.depth > 1 ? CW_END_OUTERMOST : CW_END_NO_RULE);
	if (fp < walk->sp || fp & 7)
		return stop(walk, CW_END_ASTRAY);
	if (!read_word(walk, fp, &next_fp) || !read_word(walk, fp + 8, &pc))
		return stop(walk, CW_END_UNREADABLE);
	return move_on(walk, pc, fp + 16, next_fp, CW_FRAME_GUESSED);
}

/* Out of a signal handler: the interrupted registers lie on the stack. */
__noinline int step_by_signal(struct walk *walk, __s32 sp_at, __s32 pc_at, __s32 fp_at)
{
	__u64 sp = 0, pc = 0, fp = 0;

	if (!walk)
		return 0;
	if (!read_word(walk, walk->sp + fp_at, &fp) || !read_word(walk, walk->sp + sp_at, &sp) ||
	    !read_word(walk, walk->sp + pc_at, &pc))
		return stop(walk, CW_END_UNREADABLE);
	return move_on(walk, pc, sp, fp, CW_FRAME_EXACT);
}

/*
 * To a stack that was left for this one: the frame pointer is still that of whoever left it. Stacks
 * lie anywhere, so nothing tells a damaged one but what is read there; the depth bounds the walk.
 */
__noinline int step_to_other_stack(struct walk *walk)
{
	__u64 fp = 0, next_fp = 0, pc = 0;

	if (!walk)
		return 0;
	fp = walk->fp;
	if (!fp || fp & 7)
		return stop(walk, CW_END_ASTRAY);
	if (!read_word(walk, fp, &next_fp) || !read_word(walk, fp + 8, &pc))
		return stop(walk, CW_END_UNREADABLE);
	walk->sp = 0;
	return move_on(walk, pc, fp + 16, next_fp, 0);
}

/*
 * Out of an interpreter, whose code is the same for all methods: the frame says which it runs. It
 * is as the psABI has it, but that the stack may have grown between the caller and it.
 */
__noinline int step_interpreted(struct walk *walk, __s32 sp_at, __s32 method_at)
{
	__u64 fp, sp = 0, method = 0, next_fp = 0, pc = 0;
	__u32 at;

	if (!walk)
		return 0;
	fp = walk->fp;
	at = walk->stack.depth - 1;
	if (fp < walk->sp || fp & 7 || at >= CW_MAX_DEPTH)
		return stop(walk, CW_END_ASTRAY);
	if (!read_word(walk, fp + method_at, &method) || !read_word(walk, fp + sp_at, &sp) ||
	    !read_word(walk, fp, &next_fp) || !read_word(walk, fp + 8, &pc))
		return stop(walk, CW_END_UNREADABLE);
	walk->stack.address[at] = (method & CW_FRAME_ADDRESS) | CW_FRAME_METHOD |
				  (walk->stack.address[at] & CW_FRAME_GUESSED);
	return move_on(walk, pc, sp, next_fp, 0);
}

/* Out of what no CFA leads out of. */
__noinline int step_specially(struct walk *walk, struct cw_unwind_rule *rule)
{
	if (!walk || !rule)
		return 0;
	switch (rule->cfa) {
	case CW_CFA_SIGNAL:
		return step_by_signal(walk, rule->cfa_offset, rule->cfa_plus, rule->fp_offset);
	case CW_CFA_OTHER_STACK:
		return step_to_other_stack(walk);
	case CW_CFA_INTERPRETED:
		return step_interpreted(walk, rule->cfa_offset, rule->cfa_plus);
	}
	return stop(walk, CW_END_OUTERMOST);
}

/* The CFA by one of the rarer rules; 0: it cannot be had. */
__noinline __u64 rare_cfa_by(struct walk *walk, struct cw_unwind_rule *rule)
{
	__u64 cfa = 0;

	if (!walk || !rule)
		return 0;
	switch (rule->cfa) {
	case CW_CFA_DEREF_SP:
		return read_word(walk, walk->sp + rule->cfa_offset, &cfa) ? cfa + rule->cfa_plus
									  : 0;
	case CW_CFA_DEREF_FP:
		return read_word(walk, walk->fp + rule->cfa_offset, &cfa) ? cfa + rule->cfa_plus
									  : 0;
	case CW_CFA_PLT:
		return walk->sp + rule->cfa_offset +
		       ((__s32)(walk->pc & 15) >= rule->cfa_plus ? 8 : 0);
	case CW_CFA_REGISTER:
		if (walk->stack.depth > 1 || !walk->has_registers)
			return 0;
		return walk->registers[rule->number & 15] + rule->cfa_offset;
	}
	return 0;
}

/* Where the caller's frame pointer is saved; 0: it is not. */
static __always_inline __u64 place_of_fp(struct walk *walk, struct cw_unwind_rule *rule, __u64 cfa)
{
	switch (rule->fp) {
	case CW_FP_AT_CFA:
		return cfa + rule->fp_offset;
	case CW_FP_AT_FP:
		return walk->fp + rule->fp_offset;
	case CW_FP_AT_SP:
		return walk->sp + rule->fp_offset;
	}
	return 0;
}

static __always_inline int step_by_rule(struct walk *walk, struct cw_unwind_rule *rule)
{
	__u64 cfa, place, pc = 0, fp = walk->fp;

	if (rule->cfa == CW_CFA_SP)
		cfa = walk->sp + rule->cfa_offset;
	else if (rule->cfa == CW_CFA_FP)
		cfa = walk->fp + rule->cfa_offset;
	else
		cfa = rare_cfa_by(walk, rule);
	if (!cfa)
		return stop(walk, CW_END_NO_RULE);
	if (cfa <= walk->sp)
		return stop(walk, CW_END_ASTRAY);
	place = place_of_fp(walk, rule, cfa);
	if (rule->fp == CW_FP_LOST)
		fp = 1; /* no place to read from, nor the outermost frame's 0 */
	if ((place && !read_word(walk, place, &fp)) || !read_word(walk, cfa - 8, &pc))
		return stop(walk, CW_END_UNREADABLE);
	return move_on(walk, pc, cfa, fp, 0);
}

static __always_inline void forget_range(struct walk *walk)
{
	walk->range_start = 0;
	walk->range.end = 0;
	walk->range.table = 0;
}

/* The number of the rule for the frame at `pc`, found by searching. */
__noinline __u32 search_rule(struct walk *walk)
{
	__u64 lookup, original;
	__u32 number;

	if (!walk)
		return 0;
	/* A call may be the last instruction of its function. */
	lookup = walk->flags & CW_FRAME_EXACT ? walk->pc : walk->pc - 1;
	if (!find_range(walk, lookup)) {
		original = walk->stack.depth ? replaced_return(walk->sp - 8) : 0;
		if (original) {
			walk->pc = original;
			lookup = original - 1;
		}
		if (!original || !find_range(walk, lookup)) {
			forget_range(walk);
			walk->unknown = 1;
		}
	}
	if (!walk->range.table)
		return 0;
	number = rule_at(walk->range.table, lookup - walk->range.bias);
	if (!number && walk->range.generated)
		walk->unknown = 1;
	return number;
}

#define CW_RULE_BITS 16 /* CW_UNWIND_RULES */
#define CW_RULE_MASK ((1ULL << CW_RULE_BITS) - 1)

/* The same, remembered. Where there is none is not: it may be known the next time. */
__noinline __u32 rule_of(struct walk *walk)
{
	__u32 zero = 0, number;
	struct recent_rules *recent = bpf_map_lookup_elem(&recent_rules, &zero);
	__u64 pc, spread, *entry, tag;

	if (!walk || !recent)
		return 0;
	pc = walk->pc;
	spread = (pc ^ (__u64)walk->space << 48 ^ (walk->flags & CW_FRAME_EXACT)) *
		 0x9e3779b97f4a7c15ULL;
	spread = (spread ^ spread >> 32 ^ unwind_epoch) * 0xff51afd7ed558ccdULL;
	entry = &recent->entry[spread >> (64 - CW_RECENT_BITS)];
	tag = spread << CW_RULE_BITS;
	if ((*(volatile __u64 *)entry & ~CW_RULE_MASK) == tag && tag)
		return *(volatile __u64 *)entry & CW_RULE_MASK;
	number = search_rule(walk);
	if (number && walk->pc == pc) /* not a return probe's */
		*(volatile __u64 *)entry = tag | (number & CW_RULE_MASK);
	return number;
}

/* Notes the frame at `pc` and moves to its caller; false at the end. */
__noinline int step_out(struct walk *walk)
{
	struct cw_unwind_rule *rule;
	__u32 depth, number;

	if (!walk)
		return 0;
	depth = walk->stack.depth;
	if (depth >= CW_MAX_DEPTH)
		return stop(walk, CW_END_TOO_DEEP);
	number = rule_of(walk);
	walk->stack.address[depth] = walk->pc | walk->flags;
	walk->stack.depth = depth + 1;
	rule = number ? bpf_map_lookup_elem(&unwind_rules, &number) : NULL;
	if (!rule || rule->cfa == CW_CFA_NONE)
		return step_by_frame_pointer(walk);
	if (rule->cfa >= CW_CFA_SIGNAL)
		return step_specially(walk, rule);
	return step_by_rule(walk, rule);
}

/*
 * Walks from pc, sp and fp in `walk`; answers nothing of use. From a hook to here and on to a
 * search there are eight functions, one calling another, which is as deep as the verifier lets
 * them.
 */
__noinline int walk_out(struct walk *walk)
{
	if (!walk)
		return 0;
	walk->stack.depth = 0;
	walk->stack.end = CW_END_OUTERMOST;
	walk->unknown = 0;
	walk->window_at = 0;
	forget_range(walk);
	for (int i = 0; i <= CW_MAX_DEPTH; i++)
		if (!step_out(walk))
			break;
	return 0;
}

#endif
