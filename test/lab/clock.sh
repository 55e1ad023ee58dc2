# clock.sh - hosts whose clocks are not this machine's. Sourced behind hosts.sh.
#
#	start_off SECONDS NAME          its clock of the wall is off by so many, and the one that nobody sets follows jumps
#	touch "$lab/jump1"              50 minutes pass for those; jump2: 50 more
# A clock of its own has only who asks a library for it: the sanitized build does, the one that is shipped asks the kernel.
command -v cc >/dev/null && [ -x "$top/build/swarmbox-san" ] || { echo 'no compiler, or no build/swarmbox-san (make san)'; trap - EXIT; echo '0 passed, 1 failed'; exit 1; }
cat >"$lab/clock.c" <<'C'
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *ret)
{
	int rc = (int)syscall(SYS_clock_gettime, which, ret);

	if (rc == 0 && which == CLOCK_REALTIME)
		ret->tv_sec += atol(getenv("CLOCK_OFF"));
	if (rc == 0 && which == CLOCK_BOOTTIME)
		for (const char *name = "JUMP_1\0JUMP_2\0"; *name; name += 7)
			if (syscall(SYS_access, getenv(name), F_OK) == 0)
				ret->tv_sec += 50 * 60;
	return rc;
}
C
cc -shared -fPIC -o "$lab/clock.so" "$lab/clock.c"
shipped=$binary
start_off() { # SECONDS NAME
	binary=$top/build/swarmbox-san
	ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$lab/clock.so CLOCK_OFF=$1 JUMP_1=$lab/jump1 JUMP_2=$lab/jump2 start_host "$2"
	binary=$shipped
}
