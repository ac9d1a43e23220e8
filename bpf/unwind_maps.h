/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What user space tells of code: which is mapped where, and how to step out of it. Maps in maps, so
 * that each file and each process takes what it needs; user space puts them in and takes them out.
 */
#ifndef CW_UNWIND_MAPS_H
#define CW_UNWIND_MAPS_H

struct row_pages {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct cw_row_page));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CW_UNWIND_TABLES);
	__type(key, __u32);
	__array(values, struct row_pages);
} unwind_tables SEC(".maps");

struct range_pages {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct cw_range_page));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CW_CODE_SPACES);
	__type(key, __u32);
	__array(values, struct range_pages);
} code_spaces SEC(".maps");

/* Number 0 is no rule. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CW_UNWIND_RULES);
	__type(key, __u32);
	__type(value, struct cw_unwind_rule);
} unwind_rules SEC(".maps");

/* By process id: where its code is described in `code_spaces`. */
CW_HASH(space_of, __u32, __u32, 16384);

/*
 * Processes that ran code we have no description of: by process id, how often. User space looks at
 * their maps again and takes them out.
 */
CW_HASH(unknown_code, __u32, __u32, 1024);

/*
 * Rules found lately, by where they were found: the same calls are met again and again, and a
 * search costs more than all the rest. An entry is a tag and a rule's number in one word, so that
 * it is never seen half written.
 */
#define CW_RECENT_BITS 10
struct recent_rules {
	__u64 entry[1 << CW_RECENT_BITS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct recent_rules);
} recent_rules SEC(".maps");

/* User space moves it on when the number of a space may be used again. In a section of its own,
 * which all objects share. */
__u64 unwind_epoch SEC(".data.unwind") = 1;

#define CW_WINDOW_WORDS 128 /* of the user's stack, read at once */

/* A stack while it is walked. */
struct walk {
	struct cw_stack stack;
	__u64 pc;
	__u64 sp;
	__u64 fp;
	__u64 flags;	   /* of the frame at `pc`: CW_FRAME_* */
	__u64 range_start; /* the code that `pc` was last found in, or nothing: start == end */
	struct cw_code_range range;
	__u32 space;
	__u32 has_registers;
	__u32 unknown; /* met code that is not described */
	__u32 padding;
	__u64 registers[16]; /* of the innermost frame, as DWARF numbers them */
	__u64 window_at;
	__u64 window[CW_WINDOW_WORDS];
};

/*
 * Room to walk in. A program may be interrupted on its CPU by another that takes a stack too, so
 * there are some of them and they are claimed.
 */
#define CW_WALKS 4
struct walks {
	__u32 claimed[CW_WALKS];
	struct walk walk[CW_WALKS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walks);
} walks SEC(".maps");

#endif
