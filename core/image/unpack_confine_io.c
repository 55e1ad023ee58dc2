#include "image/unpack_confine_io.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"

/* A zstd window of 128 MiB, the folders' names, and what the program itself takes. */
enum { MEMORY_BYTES = 768 * 1024 * 1024, DESCRIPTORS = 256 };

#define CAP_BIT(cap) (UINT32_C(1) << (cap))
static const uint32_t kept_caps = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) |
				  CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_SETFCAP);

static int enter_namespaces(struct err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(err, "own mount namespace");
	/* Walls behind the wall: a kernel built without them is no reason not to unpack. */
	if (unshare(CLONE_NEWNET) < 0 && errno != EINVAL)
		return err_sys(err, "own network namespace");
	if (unshare(CLONE_NEWIPC) < 0 && errno != EINVAL)
		return err_sys(err, "own IPC namespace");
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? err_sys(err, "private mounts") : 0;
}

/* pivot_root(2), "pivot_root(".", ".")": the old root lies over the new one and is taken off. Device nodes of the archive are made but cannot
 * be opened on a mount without devices. */
static int enter_root(const char *dir, struct err *err)
{
	if (mount(dir, dir, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return err_sys(err, "mount '%s'", dir);
	if (chdir(dir) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, "make '%s' the root", dir);
	return 0;
}

static int limit(struct err *err)
{
	const struct { int what; rlim_t most; } limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, DESCRIPTORS },
#ifndef __SANITIZE_ADDRESS__                                     /* its shadow is a part of the address space */
		{ RLIMIT_AS, MEMORY_BYTES },
#endif
	};

	for (size_t i = 0; i < ARRAY_COUNT(limits); i++)
		if (setrlimit((unsigned)limits[i].what, &(struct rlimit){ limits[i].most, limits[i].most }) < 0)
			return err_sys(err, "limit");
	return 0;
}

static int drop_caps(struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { kept_caps, kept_caps, 0 }, { 0, 0, 0 } };

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_sys(err, "drop capability %lu", cap);
	return syscall(SYS_capset, &header, data) < 0 ? err_sys(err, "keep only a few capabilities") : 0;
}

int unpack_confine_place(const char *dir, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "confine");
	if (enter_namespaces(err) < 0 || enter_root(dir, err) < 0)
		return -1;
	return limit(err);
}

int unpack_confine_rights(struct err *err)
{
	return drop_caps(err);
}

