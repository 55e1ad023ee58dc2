/* seccomp_profile.h - a system call filter that somebody wrote himself, in Docker's JSON (and OCI's, which is in it), as a BPF program.
 *
 * Rules are understood as runc hands them to libseccomp: one that says what the default says is none, a call's first rule without arguments decides
 * alone, those with arguments are tried in their order, unknown names of calls are passed over, and calls newer than all that the profile
 * names are ENOSYS unless the default lets them through. Ours: x32's numbers are always ENOSYS, and where a call of i386 is limited that is also
 * behind socketcall or ipc, those are ENOSYS too. An architecture that the profile has not ends the process, our own is always in it.
 * Refused by name: SCMP_ACT_NOTIFY, for nobody would listen.
 * Pure; bounded by SECCOMP_MAX_INSNS and by the text's length, which is the caller's to bound.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "runtime/seccomp.h"

/* kernel: uname(2)'s release; caps: of the container. An empty ret (no instructions) is a profile that says nothing: no filter. */
int seccomp_profile_compile(const char *json, size_t length, uint64_t caps, const char *kernel, struct arena *arena, struct seccomp_filter *ret,
			    struct err *err);
/* Behind its filter a process still has to become the container's program, as with every runtime: ERR_INVALID names a call that this needs and the
 * filter does not let through. Without it such a process may not even be able to say what it died of. */
int seccomp_profile_check_start(const struct seccomp_filter *filter, struct err *err);
