/* bpf.c - instructions one by one, and a search tree of them. */
#include "runtime/bpf.h"

#include <linux/seccomp.h>
#include <string.h>

#include "base/panic.h"

void bpf_add(struct seccomp_filter *filter, struct sock_filter insn)
{
	if (filter->count < SECCOMP_MAX_INSNS)
		filter->insns[filter->count++] = insn;
	else
		filter->is_full = true;
}

void bpf_return(struct seccomp_filter *filter, uint32_t what)
{
	bpf_add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

void bpf_load_arg(struct seccomp_filter *filter, unsigned offset)
{
	bpf_add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + offset)));
}

void bpf_jump(struct seccomp_filter *filter, uint16_t test, uint32_t k, size_t if_true, size_t if_false)
{
	check(if_true <= UINT8_MAX && if_false <= UINT8_MAX);
	bpf_add(filter, (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | BPF_K | test), k, (uint8_t)if_true, (uint8_t)if_false));
}

/* "At or above the middle run?": the lower half follows at once, the upper half behind it. A half longer than a conditional jump reaches
 * (255) is jumped over by an unconditional one, put in front of it when that is known: all jumps in it are relative. The number is in the accumulator
 * throughout. */
void bpf_search(struct seccomp_filter *filter, const struct bpf_run *runs, size_t count, bpf_verdict_fn *emit, const void *ctx)
{
	if (count == 1) {
		emit(filter, runs[0].verdict, ctx);
		return;
	}
	size_t half = count / 2, at = filter->count;

	bpf_jump(filter, BPF_JGE, (uint32_t)runs[half].first, 0, 0);
	bpf_search(filter, runs, half, emit, ctx);
	size_t length = filter->count - (at + 1);

	if (length > UINT8_MAX)
		bpf_return(filter, 0);           /* room for one more */
	if (filter->is_full)
		return;
	if (length <= UINT8_MAX) {
		filter->insns[at].jt = (uint8_t)length;
	} else {
		memmove(&filter->insns[at + 2], &filter->insns[at + 1], length * sizeof *filter->insns);
		filter->insns[at].jf = 1;
		filter->insns[at + 1] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)length);
	}
	bpf_search(filter, runs + half, count - half, emit, ctx);
}
