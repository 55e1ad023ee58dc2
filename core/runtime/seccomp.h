/* seccomp.h - Docker's default system call filter as a BPF program (seccomp(2), bpf classic), for the architecture we are built for, and
 * on x86_64 for 32-bit programs as well, with the same list by their numbers.
 *
 * The program is a binary search over runs of equal numbers, ~8 comparisons deep: the kernel runs it once a number when it is
 * loaded (to cache what is always allowed), and that is what a list of 300 comparisons would make slow.
 * What a filter for these capabilities does not allow is EPERM; what is newer than the table is ENOSYS, so that a libc falls back;
 * clone3 is ENOSYS because its flags cannot be looked at, and i386's socketcall because the family cannot: one `int 0x80` would reach what socket
 * refuses (moby had to choose as well: a deny broke old programs, so it asks AppArmor or SELinux, which we cannot rely on). C libraries fall back to
 * the calls of their own that it has had since Linux 4.3. Another architecture's calls end the process.
 * Pure; loading is done by privileges_io.h.
 */
#pragma once
#include <linux/filter.h>

#include "base/base.h"

#define SECCOMP_MAX_INSNS 4096           /* the kernel's own limit */
struct seccomp_filter {
	struct sock_filter insns[SECCOMP_MAX_INSNS];
	size_t count;
	uint32_t flags;                  /* SECCOMP_FILTER_FLAG_ */
	bool is_full;                    /* there were more: worthless */
};

void seccomp_build(uint64_t caps, struct seccomp_filter *ret);
/* What the filter says to one call: a SECCOMP_RET_ value. The interpreter is for tests and for `check`. */
uint32_t seccomp_ask(const struct seccomp_filter *filter, uint32_t arch, int number, const uint64_t args[6]);
