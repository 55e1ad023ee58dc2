/* rootfs_io.c - mounting, copying and entering a root. */
#include "runtime/rootfs_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "runtime/kcall_io.h"
#include "runtime/tree_copy_io.h"

#define OVERLAY_OPTIONS "upperdir=upper,workdir=work"
/* No sync when it is unmounted: for a root that is thrown away after a crash of the host. */
#define OVERLAY_VOLATILE ",volatile"

/* The mode that a container's user meets: the root's own is upper's, and the agent's umask would keep everybody but root out. */
static int make_dir_at(int dir, const char *name, mode_t mode, struct err *err)
{
	if (mkdirat(dir, name, mode) < 0)
		return errno == EEXIST ? 0 : err_sys(err, "mkdir '%s'", name);
	return fchmodat(dir, name, mode, 0) < 0 ? err_sys(err, "chmod '%s'", name) : 0;
}

int rootfs_make_base(const char *path, struct err *err)
{
	static const char *const dirs[] = { "dev", "etc", "proc", "sys" };
	static const char *const files[] = { "etc/hostname", "etc/hosts", "etc/resolv.conf" };

	if (dir_make(path, 0755, err) < 0)
		return -1;
	CLEANUP(fd_closep) int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, "open '%s'", path);
	for (size_t i = 0; i < ARRAY_COUNT(dirs); i++)
		if (make_dir_at(dir, dirs[i], 0755, err) < 0)
			return err_wrap(err, "'%s'", path);
	for (size_t i = 0; i < ARRAY_COUNT(files); i++)
		if (mknodat(dir, files[i], S_IFREG | 0644, 0) < 0 ? errno != EEXIST : fchmodat(dir, files[i], 0644, 0) < 0)
			return err_sys(err, "'%s/%s'", path, files[i]);
	return 0;
}

/* The kernel refuses a work directory that a volatile mount has left (overlayfs, "volatile mount"), until somebody has looked at it. */
int rootfs_prepare(const char *path, bool uses_overlay, struct err *err)
{
	CLEANUP(fd_closep) int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, "open '%s'", path);
	if (!uses_overlay)
		return 0;
	if (make_dir_at(dir, "upper", 0755, err) < 0)
		return err_wrap(err, "'%s'", path);
	if (mkdirat(dir, "work", 0700) == 0)
		return 0;
	if (errno != EEXIST) {
		err_sys(err, "mkdir 'work'");
		return err_wrap(err, "'%s'", path);
	}
	if (dir_remove_tree_at(dir, "work", err) < 0 || make_dir_at(dir, "work", 0700, err) < 0)
		return err_wrap(err, "'%s'", path);
	return 0;
}

static int copy_layer(const char *path, int root, struct err *err)
{
	CLEANUP(fd_closep) int layer = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (layer < 0)
		return err_sys(err, "layer '%s'", path);
	return tree_copy(layer, root, TREE_COPY_LAYER, err) < 0 ? err_wrap(err, "layer '%s'", path) : 0;
}

static int copy_layers(const struct shim_plan *plan, int root, struct err *err)
{
	if (copy_layer(plan->base, root, err) < 0)
		return -1;
	for (size_t i = plan->spec.layers.count; i-- > 0;)
		if (copy_layer(plan->spec.layers.items[i], root, err) < 0)
			return -1;
	return 0;
}

/* Under another name until it is whole: the name says that a root can be used. */
int rootfs_copy(const struct shim_plan *plan, struct err *err)
{
	CLEANUP(fd_closep) int dir = open(plan->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(fd_closep) int root = -1;

	if (dir < 0)
		return err_sys(err, "open '%s'", plan->dir);
	if (faccessat(dir, "rootfs", F_OK, 0) == 0)
		return 0;
	if (dir_remove_tree_at(dir, "rootfs.new", err) < 0 || make_dir_at(dir, "rootfs.new", 0755, err) < 0)
		return err_wrap(err, "'%s'", plan->dir);
	root = openat(dir, "rootfs.new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, "open '%s/rootfs.new'", plan->dir);
	if (copy_layers(plan, root, err) < 0)
		return -1;
	return renameat(dir, "rootfs.new", dir, "rootfs") < 0 ? err_sys(err, "rename '%s/rootfs.new'", plan->dir) : 0;
}

/* A kernel that cannot make its own folder in `work` mounts for reading only, and keeps the reason to itself: the same is tried again. */
static int check_writable(const struct shim_plan *plan, struct err *err)
{
	struct statvfs st;

	if (statvfs(plan->base, &st) == 0 && !(st.f_flag & ST_RDONLY))
		return 0;
	if (mkdir("work/try", 0700) == 0)
		errno = EROFS;
	return err_sys(err, "mount the root for writing in '%s'", plan->dir);
}

/* Layers are named by descriptor: any number of them fits into the page that mount(2) takes, and no ':' or ',' in a path can be
 * taken for a separator. Paths of the container's own directories are relative to it. */
static int mount_overlay(const struct shim_plan *plan, struct err *err)
{
	char options[4096];
	size_t used = (size_t)snprintf(options, sizeof options, "lowerdir=");
	const struct container_strings *layers = &plan->spec.layers;

	if (layers->count > ROOTFS_MAX_LAYERS)
		return err_set(err, ERR_EXHAUSTED, "image has %zu layers, more than %d", layers->count, ROOTFS_MAX_LAYERS);
	int fds[ROOTFS_MAX_LAYERS + 1];

	for (size_t i = 0; i <= layers->count; i++) {
		const char *path = i < layers->count ? layers->items[i] : plan->base;

		fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0)
			return err_sys(err, "layer '%s'", path);         /* the process ends with this error */
		used += (size_t)snprintf(options + used, sizeof options - used, "%s/proc/self/fd/%d", i ? ":" : "", fds[i]);
	}
	snprintf(options + used, sizeof options - used, ",%s%s", OVERLAY_OPTIONS, plan->spec.keeps_root ? "" : OVERLAY_VOLATILE);
	if (mount("overlay", plan->base, "overlay", 0, options) < 0)
		return err_sys(err, "mount the image's %zu layers as overlay", layers->count);
	for (size_t i = 0; i <= layers->count; i++)
		close(fds[i]);
	return check_writable(plan, err);
}

int rootfs_mount(const struct shim_plan *plan, struct err *err)
{
	if (chdir(plan->dir) < 0)
		return err_sys(err, "chdir '%s'", plan->dir);
	if (plan->uses_overlay)
		return mount_overlay(plan, err);
	/* pivot_root wants a mount point */
	return mount("rootfs", "rootfs", NULL, MS_BIND, NULL) < 0 ? err_sys(err, "bind '%s/rootfs'", plan->dir) : 0;
}

/* The old root lands on top of the new one at the same place, and is taken off again (pivot_root(2), "pivot_root(".", ".")"). */
int rootfs_enter(const struct shim_plan *plan, struct err *err)
{
	if (chdir(plan->uses_overlay ? plan->base : "rootfs") < 0 || kcall_pivot_root(".", ".") < 0)
		return err_sys(err, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, "leave the host's root");
	return 0;
}

/* In the child of a process that has threads: system calls only. */
static void probe_child(const char *dir)
{
	if (chdir(dir) < 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(1);
	if (mount("overlay", "rootfs", "overlay", 0, "lowerdir=lower," OVERLAY_OPTIONS OVERLAY_VOLATILE) < 0)
		_exit(1);
	/* a rename onto a lower file needs whiteouts, a directory extended attributes: both fail late on file systems without */
	if (mkdir("rootfs/dir", 0755) < 0 || mknod("rootfs/file", S_IFREG | 0644, 0) < 0 || unlink("rootfs/low") < 0 ||
	    mkdir("rootfs/low", 0755) < 0)
		_exit(1);
	_exit(0);
}

bool rootfs_probe_overlay(const char *parent)
{
	/* A name that is ours alone: what is removed here must never be somebody's folder. */
	CLEANUP(str_freep) char *path = path_join(parent, ".swarmbox-probe");
	CLEANUP(fd_closep) int dir = -1;
	struct err ignored;
	int status = -1;

	if (dir_remove_tree(path, &ignored) < 0 || dir_make(path, 0700, &ignored) < 0 || rootfs_prepare(path, true, &ignored) < 0)
		return false;
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && mkdirat(dir, "rootfs", 0755) == 0 && mkdirat(dir, "lower", 0755) == 0 && mknodat(dir, "lower/low", S_IFREG | 0644, 0) == 0) {
		pid_t pid = fork();

		if (pid == 0)
			probe_child(path);
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			status = -1;
	}
	dir_remove_tree(path, &ignored);
	return status == 0;
}
