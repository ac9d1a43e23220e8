/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The maps of sections.bpf.c beside those that it shares with the locks' programs (maps.h). */
#ifndef CW_SECTION_MAPS_H
#define CW_SECTION_MAPS_H

const volatile __u32 section_room = 1024; /* events of one CPU in one window */

/* Written by user space. */
struct cw_section_window section_window;

/* Of CPU n those from n * section_room on. User space maps it, and reads it between windows. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct cw_section_event);
} section_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cw_section_cpu);
} section_cpus SEC(".maps");

#endif
