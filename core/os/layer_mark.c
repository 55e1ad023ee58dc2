#include "os/layer_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os/file.h"

static bool has(int fd, const char *name)
{
	char value;

	return fgetxattr(fd, name, &value, 1) == 1 && value == 'y';
}

int opaque_set(int folder_fd)
{
	if (fsetxattr(folder_fd, "trusted.overlay.opaque", "y", 1, 0) == 0)
		return 0;
	return errno == ENOTSUP || errno == EPERM ? fsetxattr(folder_fd, "user.overlay.opaque", "y", 1, 0) : -1;
}

bool opaque_is_set(int folder_fd)
{
	return has(folder_fd, "trusted.overlay.opaque") || has(folder_fd, "user.overlay.opaque");
}

int whiteout_make(int folder_fd, const char *name)
{
	if (mknodat(folder_fd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EPERM)
		return -1;
	CLEANUP(fd_closep) int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0 || fchmod(fd, 0) < 0)
		return -1;
	return fsetxattr(fd, "user.overlay.whiteout", "y", 1, 0);
}

bool whiteout_is(int folder_fd, const char *name)
{
	struct stat st;

	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISCHR(st.st_mode))
		return st.st_rdev == makedev(0, 0);
	if (!S_ISREG(st.st_mode) || st.st_size || st.st_mode & 07777)
		return false;
	CLEANUP(fd_closep) int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && has(fd, "user.overlay.whiteout");
}
