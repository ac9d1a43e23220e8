/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A call that takes a lock, or lets one go, passes a probe. Every instruction here is paid by the
 * process, most of them while it holds the lock: so nothing is worked out, only written down.
 */
#ifndef CW_SECTION_HIT_H
#define CW_SECTION_HIT_H

/* The first six words of a mutex. */
struct mutex_words {
	__u32 word[6];
};

/*
 * glibc (sysdeps/nptl/bits/struct_mutex.h, 64 bits): lock, count, owner, users, kind, of which
 * bits 1..0 are 1 where it is recursive (PTHREAD_MUTEX_RECURSIVE_NP, robust and PI ones included).
 * musl (src/internal/pthread_impl.h): type, likewise; lock, of which bits 29..0 are the owner;
 * waiters; two words of a union; count, of the acquisitions beside the first.
 */
static __always_inline bool is_recursive(const struct mutex_words *mutex, bool musl)
{
	return ((musl ? mutex->word[0] : mutex->word[4]) & 3) == 1;
}

static __always_inline bool is_taken(const struct mutex_words *mutex, bool musl)
{
	return musl ? mutex->word[1] & 0x7fffffff : mutex->word[0];
}

static __always_inline __u32 owner_of(const struct mutex_words *mutex, bool musl)
{
	return musl ? mutex->word[1] & 0x3fffffff : mutex->word[2];
}

/* Whether it stays taken when it is let go once. */
static __always_inline bool is_nested(const struct mutex_words *mutex, bool musl)
{
	return musl ? mutex->word[5] != 0 : mutex->word[1] > 1;
}

/*
 * The kernel lets who waits for such a lock spin while its holder runs (kernel/locking/rtmutex.c:
 * rtmutex_spin_on_owner). glibc: PTHREAD_MUTEX_PRIO_INHERIT_NP of kind (nptl/pthreadP.h); musl: bit
 * 3 of type (src/thread/pthread_mutexattr_setprotocol.c).
 */
static __always_inline bool inherits_priority(const struct mutex_words *mutex, bool musl)
{
	return musl ? mutex->word[0] & 8 : mutex->word[4] & 32;
}

/* The thread's number as it sees it itself, which is what mutexes hold. */
static __always_inline __u32 innermost_number(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid number;

	if (level > MAX_PID_NS_LEVEL ||
	    bpf_probe_read_kernel(&number, sizeof(number),
				  (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * sizeof(number)))
		return 0;
	return number.nr;
}

static __always_inline __u32 plain_slot(__u64 lock)
{
	return (lock >> 3 ^ lock >> 9) & (CW_SECTION_PLAIN - 1);
}

/* What the mutex itself tells; read once a window and CPU where it is a plain one. */
static __noinline __u32 look_at_mutex(struct cw_section_cpu *cpu, __u64 lock, __u64 cookie)
{
	__u32 call = cookie & 15;
	bool musl = cookie & CW_SECTION_MUSL;
	struct mutex_words mutex;
	bool recursive;

	if (!cpu || bpf_probe_read_user(&mutex, sizeof(mutex), (void *)lock))
		return 0;
	recursive = is_recursive(&mutex, musl);
	if (!inherits_priority(&mutex, musl))
		cpu->plain[plain_slot(lock)] = lock | recursive;
	if (call == CW_SECTION_UNLOCK)
		return recursive && is_nested(&mutex, musl) ? CW_SECTION_INNER : 0;
	if (!is_taken(&mutex, musl) || call == CW_SECTION_CONDITION_WAIT)
		return 0;
	if (!recursive && call != CW_SECTION_TRY_LOCK)
		return 0;
	if (owner_of(&mutex, musl) == innermost_number(bpf_get_current_task_btf()))
		return CW_SECTION_INNER;
	return call == CW_SECTION_TRY_LOCK ? CW_SECTION_TAKEN : 0;
}

static __always_inline bool is_of_mutex(__u32 call)
{
	return call <= CW_SECTION_UNLOCK || call == CW_SECTION_CONDITION_WAIT;
}

/* Whether the lock has nothing to tell: one for readers and writers, or a mutex found plain. */
static __always_inline bool is_plain(__u64 found, __u64 lock, __u32 call)
{
	return found == lock || !is_of_mutex(call);
}

/* Mutexes are aligned: the lowest bit tells of one that it is recursive (look_at_mutex). */
static __always_inline bool may_spin(__u64 found, __u64 lock, __u32 call)
{
	return (found & ~1ULL) != lock && is_of_mutex(call);
}

/*
 * When the thread's last futex wait ended, as the futex hooks have it. A thread that was on a CPU
 * all the time since its last hit here did not wait, unless it spun (inherits_priority).
 */
static __always_inline void note_wait(struct cw_section_cpu *cpu, struct task_struct *task,
				      struct cw_section_event *event, bool spins)
{
	struct cw_thread *thread;

	event->waited_ns = 0;
	if (!spins && cpu->thread == (__u64)task && cpu->switches == task->nvcsw)
		return;
	cpu->thread = (__u64)task;
	cpu->switches = task->nvcsw;
	thread = bpf_map_lookup_elem(&threads, &event->tid);
	if (thread) {
		event->waited_ns = thread->waited_ns;
		event->waited_on = thread->waited_on;
	}
}

/* One acquisition in so many on average, at random, has its stack taken. */
static __always_inline bool wants_section_stack(struct cw_section_cpu *cpu)
{
	__u32 one_in = section_window.stacks_one_in;

	if (!one_in)
		return false;
	if (!cpu->until_stack)
		cpu->until_stack = draw_next(one_in);
	if (--cpu->until_stack > 0)
		return false;
	cpu->until_stack = 0;
	cpu->stacks++;
	return true;
}

static __always_inline bool takes_lock(__u32 call)
{
	return call != CW_SECTION_UNLOCK && call != CW_SECTION_RW_UNLOCK;
}

SEC("uprobe.multi")
int section_hit(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), now, lock;
	__u32 zero = 0, call = cookie & 15, index;
	struct cw_section_cpu *cpu = bpf_map_lookup_elem(&section_cpus, &zero);
	struct task_struct *task = bpf_get_current_task_btf();
	struct cw_section_event *event;
	__u64 found;

	if (!cpu)
		return 0;
	cpu->hits++;
	if (cookie & CW_SECTION_STEPPED)
		cpu->stepped++;
	now = bpf_ktime_get_ns();
	if (now < section_window.open_ns || now >= section_window.close_ns)
		return 0;
	cpu->inside++;
	if (cookie & CW_SECTION_STEPPED)
		cpu->inside_stepped++;
	/* Another thread may come between on this CPU. */
	index = __sync_fetch_and_add(&cpu->next, 1);
	if (index >= section_room) {
		if (!cpu->full_ns)
			cpu->full_ns = now;
		return 0;
	}
	index += bpf_get_smp_processor_id() * section_room;
	event = bpf_map_lookup_elem(&section_events, &index);
	if (!event)
		return 0;
	lock = register_of(ctx, cookie >> 8 & 31);
	event->time_ns = now;
	event->lock = lock;
	event->tid = tid_of(task);
	event->call = call;
	found = cpu->plain[plain_slot(lock)];
	event->flags = is_plain(found, lock, call) && call != CW_SECTION_TRY_LOCK
			   ? 0
			   : look_at_mutex(cpu, lock, cookie);
	event->stack = 0;
	note_wait(cpu, task, event, may_spin(found, lock, call));
	if (call == CW_SECTION_CONDITION_WAIT)
		event->condition = register_of(ctx, cookie >> 16 & 31);
	if (!takes_lock(call))
		return 0;
	if (!(event->flags & (CW_SECTION_INNER | CW_SECTION_TAKEN)) && wants_section_stack(cpu))
		event->stack = take_stack(ctx, CW_FRAME_EXACT);
	/* What this took is no part of the hold that begins now. */
	if (call != CW_SECTION_CONDITION_WAIT)
		event->time_ns = bpf_ktime_get_ns();
	return 0;
}

#endif
