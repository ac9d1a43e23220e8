/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Where threads stand that wait already when we come: /proc tells pc and sp, but no frame pointer.
 */
#ifndef CW_REGISTERS_H
#define CW_REGISTERS_H

__u32 registers_of; /* process id; set before the iterator is read */

SEC("iter/task")
int list_registers(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cw_registers found = {};
	struct pt_regs *regs;

	if (!task || tgid_of(task) != registers_of)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	found.tid = tid_of(task);
	found.pc = CW_USER_PC(regs);
	found.sp = regs->sp;
	found.fp = CW_USER_FP(regs);
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

#endif
