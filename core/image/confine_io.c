#include "image/confine_io.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int confine_start(struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "confine");
	return 0;
}

int confine_namespaces(bool network, struct err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(err, "own mount namespace");
	/* Walls behind the wall: a kernel built without them is no reason not to work. */
	if (network && unshare(CLONE_NEWNET) < 0 && errno != EINVAL)
		return err_sys(err, "own network namespace");
	if (unshare(CLONE_NEWIPC) < 0 && errno != EINVAL)
		return err_sys(err, "own IPC namespace");
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? err_sys(err, "private mounts") : 0;
}

/* pivot_root(2), "pivot_root(".", ".")": the old root lies over the new one and is taken off. */
int confine_root(const char *dir, struct err *err)
{
	if (chdir(dir) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, "make '%s' the root", dir);
	return 0;
}

int confine_limits(int64_t memory_bytes, int64_t descriptors, struct err *err)
{
	const struct { int what; int64_t most; } limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, descriptors },
#ifndef __SANITIZE_ADDRESS__                                     /* its shadow is a part of the address space */
		{ RLIMIT_AS, memory_bytes },
#endif
	};

	(void)memory_bytes;
	for (size_t i = 0; i < ARRAY_COUNT(limits); i++)
		if (setrlimit((unsigned)limits[i].what, &(struct rlimit){ (rlim_t)limits[i].most, (rlim_t)limits[i].most }) < 0)
			return err_sys(err, "limit");
	return 0;
}

int confine_caps(uint32_t kept, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { kept, kept, 0 }, { 0, 0, 0 } };

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_sys(err, "drop capability %lu", cap);
	return syscall(SYS_capset, &header, data) < 0 ? err_sys(err, "keep only a few capabilities") : 0;
}
