/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A thread's futex call that waits, from its beginning to its return to user code. */
#ifndef CW_FUTEX_WAIT_H
#define CW_FUTEX_WAIT_H

/* include/linux/errno.h: the call is begun again, or goes on in restart_syscall(2), or a handler
 * runs */
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516
#define EINTR 4
#define EAGAIN 11
#define ETIMEDOUT 110

/* A call begun again after a signal that had no handler is the same wait. */
static __always_inline bool is_restart(struct cw_thread *thread, const struct futex_call *call)
{
	if (thread->call != CW_CALL_RESTART || thread->second_address != call->address ||
	    thread->op != call->op)
		return false;
	thread->call = CW_CALL_WAIT;
	thread->slept = 1;
	return true;
}

/* Before a thread's next call: whatever the last one left open is closed. */
static __always_inline void close_last_call(struct cw_thread *thread, struct task_struct *task,
					    __u64 now)
{
	if (thread->call == CW_CALL_RESTART) {
		end_wait(thread, task, tid_of(task), now, INTERRUPTED);
	} else if (thread->call == CW_CALL_WAIT) {
		abandon_wait(thread);
		count(&lost_waits, 1);
	}
}

/* False when the call is none of our business. */
static __always_inline bool begin_wait(void *ctx, struct task_struct *task,
				       const struct futex_call *call, __u64 now)
{
	__u32 image = watched_image(task);
	__u32 tid = tid_of(task);
	struct cw_thread *thread;
	__u64 sp;

	if (!image)
		return false;
	thread = thread_of(tid, task, image);
	if (!thread) {
		count(&lost_waits, 1);
		return true;
	}
	thread->last_event_ns = now;
	if (is_restart(thread, call))
		return true;
	close_last_call(thread, task, now);
	if (thread->poll.timed_out_ns && !call->shared && thread->poll.op == call->op) {
		if (poll_goes_on(thread, task, call->address, now))
			return true;
		end_poll(thread, task, tid);
	}

	key_of(&thread->word, task, image, call->address, call->shared);
	sp = ((struct pt_regs *)bpf_task_pt_regs(task))->sp;
	thread->second_address = call->address;
	thread->start_ns = now;
	thread->run_delay_ns = task->sched_info.run_delay;
	thread->switches = task->nvcsw;
	thread->value = call->value;
	thread->value_class = class_of(call->value);
	thread->op = call->op;
	thread->shared = call->shared;
	thread->on_own_stack = call->address >= sp && call->address - sp < CW_STACK_REACH;
	thread->at_least = 0;
	thread->slept = 0;
	thread->word_id = 0;
	thread->call = CW_CALL_WAIT;

	join_word(ctx, thread, tid, now, CW_AFTER_CALL);
	return true;
}

static __always_inline bool is_pi(__u16 op)
{
	__u16 command = op & FUTEX_CMD_MASK;

	return command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2;
}

/* What the kernel's answer means. A PI lock taken without sleeping was free: not a wait. */
static __always_inline int outcome_of(struct cw_thread *thread, struct task_struct *task,
				      long answer)
{
	bool slept = thread->slept || thread->at_least || task->nvcsw != thread->switches;

	if (answer >= 0)
		return is_pi(thread->op) && !slept ? RACED : WOKEN;
	if (answer == -ETIMEDOUT)
		return TIMED_OUT;
	if (answer == -EINTR)
		return INTERRUPTED;
	/* FUTEX_WAIT_REQUEUE_PI says EAGAIN for a signal; a restarted call for a word that changed.
	 */
	if (answer == -EAGAIN && thread->slept == CW_SLEPT_POLLING)
		return WOKEN; /* the wake came between two time-outs */
	if (answer == -EAGAIN)
		return thread->slept || thread->at_least ||
			       ((thread->op & FUTEX_CMD_MASK) == FUTEX_WAIT_REQUEUE_PI && slept)
			   ? INTERRUPTED
			   : RACED;
	return FAILED;
}

static __always_inline void finish_wait(void *ctx, struct cw_thread *thread,
					struct task_struct *task, long answer, __u64 now)
{
	int outcome;

	if (answer <= -ERESTARTSYS && answer >= -ERESTART_RESTARTBLOCK) {
		thread->call = CW_CALL_RESTART;
		return;
	}
	outcome = outcome_of(thread, task, answer);
	thread->waited_ns = now;
	thread->waited_on = thread->second_address | (outcome != RACED && outcome != FAILED);
	if (outcome == TIMED_OUT && pause_wait(thread, task, now))
		return;
	if (outcome != RACED && outcome != FAILED)
		take_stack_at_end(ctx, thread, now, CW_AFTER_CALL);
	end_wait(thread, task, tid_of(task), now, outcome);
}

#endif
