/* bpf.h - writes classic BPF for system call filters, instruction by instruction. Pure; what does not fit sets is_full. */
#pragma once
#include "runtime/seccomp.h"

void bpf_add(struct seccomp_filter *filter, struct sock_filter insn);
void bpf_return(struct seccomp_filter *filter, uint32_t what);
/* The offsets count from the next instruction. */
void bpf_jump(struct seccomp_filter *filter, uint16_t test, uint32_t k, size_t if_true, size_t if_false);
/* The low half of an argument, or with 4 more its high half. All architectures we know are little endian. */
void bpf_load_arg(struct seccomp_filter *filter, unsigned offset);

/* Numbers from first up to the next run's. What is to be done with them is the caller's affair: it ends in returns. */
struct bpf_run { int first, verdict; };
typedef void bpf_verdict_fn(struct seccomp_filter *filter, int verdict, const void *ctx);
/* Among sorted runs, the first from 0 up, the one that the number in the accumulator belongs to. */
void bpf_search(struct seccomp_filter *filter, const struct bpf_run *runs, size_t count, bpf_verdict_fn *emit, const void *ctx);
