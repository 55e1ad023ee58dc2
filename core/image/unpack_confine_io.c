#include "image/unpack_confine_io.h"

#include <linux/capability.h>
#include <sys/mount.h>

#include "image/confine_io.h"

/* A zstd window of 128 MiB, the folders' names, and what the program itself takes. */
enum { MEMORY_BYTES = 768 * 1024 * 1024, DESCRIPTORS = 256 };

#define CAP_BIT(cap) (UINT32_C(1) << (cap))
static const uint32_t kept_caps = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) |
				  CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_SETFCAP);

/* Device nodes of the archive are made but cannot be opened on a mount without devices. */
static int enter_root(const char *dir, struct err *err)
{
	if (mount(dir, dir, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return err_sys(err, "mount '%s'", dir);
	return confine_root(dir, err);
}

int unpack_confine_place(const char *dir, struct err *err)
{
	if (confine_start(err) < 0 || confine_namespaces(true, err) < 0 || enter_root(dir, err) < 0)
		return -1;
	return confine_limits(MEMORY_BYTES, DESCRIPTORS, err);
}

int unpack_confine_rights(struct err *err)
{
	return confine_caps(kept_caps, err);
}
