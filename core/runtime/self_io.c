/* self_io.c - mounts and unmounts run_root/self. */
#include "runtime/self_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "os/file.h"
#include "os/log.h"

void self_unmount(const char *path)
{
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}

static int bind_readonly(const char *binary, const char *path, struct err *err)
{
	if (mount(binary, path, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, "bind '%s' to '%s'", binary, path);
	if (mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0) {
		err_sys(err, "make '%s' read-only", path);
		self_unmount(path);
		return -1;
	}
	return 0;
}

int self_mount(const char *binary, const char *run_root, char **ret_path, struct err *err)
{
	char *path = path_join(run_root, "self");

	self_unmount(path);
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || bind_readonly(binary ? binary : "/proc/self/exe", path, err) < 0) {
		if (fd < 0)
			err_sys(err, "create '%s'", path);
		free(path);
		return -1;
	}
	*ret_path = path;
	return 0;
}

/* What it is mounted on is an empty file that nobody can execute. */
void self_keep(const char *binary, const char *run_root, const char *path)
{
	char *again;
	struct err err;

	if (access(path, X_OK) == 0)
		return;
	if (self_mount(binary, run_root, &again, &err) < 0) {
		log_warn("%s", err.text);
		return;
	}
	log_warn("'%s' was unmounted: mounted again", path);
	free(again);
}
