/* mounts_io.c - mounts, device nodes and hidden paths of a container. */
#include "runtime/mounts_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "runtime/inroot_io.h"
#include "runtime/kcall_io.h"
#include "runtime/tree_copy_io.h"

enum { DEVICES_MAX = 4096 };

/* Linux 5.12; without, trees cannot be sealed before they are attached, only their tops afterwards. */
static bool lacks_setattr;

static int set_attr(int tree, unsigned flags, const struct kcall_mount_attr *attr)
{
	if (kcall_mount_setattr(tree, flags, attr) == 0)
		return 0;
	lacks_setattr = errno == ENOSYS;
	return -1;
}

/* --- sources, on the host's side of the pivot -------------------------------------------------- */

static int make_source(const struct container_mount *mount, struct err *err)
{
	if (!mount->makes_source)
		return err_set(err, ERR_INVALID, "invalid mount config for type \"bind\": bind source path does not exist: %s",
			       mount->source);
	return dir_make(mount->source, 0755, err);
}

static int set_attributes(int tree, const struct container_mount *mount, struct err *err)
{
	static const struct { unsigned long flag; bool is_recursive; } kinds[] = {
		[CONTAINER_RPRIVATE] = { MS_PRIVATE, true }, [CONTAINER_PRIVATE] = { MS_PRIVATE, false },
		[CONTAINER_RSLAVE] = { MS_SLAVE, true }, [CONTAINER_SLAVE] = { MS_SLAVE, false },
		[CONTAINER_RSHARED] = { MS_SHARED, true }, [CONTAINER_SHARED] = { MS_SHARED, false },
	};
	struct kcall_mount_attr propagate = { .propagation = kinds[mount->propagation].flag };
	struct kcall_mount_attr seal = { .set = KCALL_ATTR_RDONLY };
	unsigned deep = mount->is_nonrecursive || mount->is_readonly_shallow ? 0 : KCALL_RECURSIVE;

	if (set_attr(tree, kinds[mount->propagation].is_recursive ? KCALL_RECURSIVE : 0, &propagate) < 0 && errno != ENOSYS)
		return err_sys(err, "mount '%s': propagation", mount->target);
	if (mount->is_readonly && set_attr(tree, deep, &seal) < 0 && (errno != ENOSYS || mount->needs_readonly_deep))
		return err_sys(err, "mount '%s': read-only", mount->target);
	return 0;
}

/* Who fills a volume may put links into it: none may lead out. By descriptor from here on, so that what was looked at is what is mounted. */
static int open_below(const struct container_mount *mount, struct err *err)
{
	CLEANUP(fd_closep) int volume = open(mount->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = volume < 0 ? -1 : kcall_openat2(volume, mount->subpath, O_PATH | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);

	return fd < 0 ? err_sys(err, "cannot access path %s/%s", mount->source, mount->subpath) : fd;
}

static int open_source(const struct container_mount *mount, struct mount_source *ret, struct err *err)
{
	unsigned flags = KCALL_TREE_CLONE | KCALL_TREE_CLOEXEC | (mount->is_nonrecursive ? 0 : KCALL_RECURSIVE);
	CLEANUP(fd_closep) int below = -1;
	struct stat st;

	if (str_is_empty(mount->subpath)) {
		ret->tree_fd = kcall_open_tree(AT_FDCWD, mount->source, flags);
		if (ret->tree_fd < 0 && errno == ENOENT && mount->kind == CONTAINER_BIND) {
			if (make_source(mount, err) < 0)
				return -1;
			ret->tree_fd = kcall_open_tree(AT_FDCWD, mount->source, flags);
		}
	} else {
		below = open_below(mount, err);
		if (below < 0)
			return -1;
		ret->tree_fd = kcall_open_tree(below, "", flags | KCALL_EMPTY_PATH);
	}
	if (ret->tree_fd < 0 || fstat(ret->tree_fd, &st) < 0)
		return err_sys(err, "mount source '%s'", mount->source);
	ret->is_file = !S_ISDIR(st.st_mode);
	if (mount->kind == CONTAINER_VOLUME && mount->copies_up && below < 0 && !ret->is_file) {
		ret->volume_fd = open(mount->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (ret->volume_fd < 0)
			return err_sys(err, "volume '%s'", mount->source);
	}
	return set_attributes(ret->tree_fd, mount, err);
}

int mounts_open_sources(const struct mount_plan *plan, struct arena *arena, struct mount_source **ret, struct err *err)
{
	struct mount_source *sources = ARENA_ARRAY(arena, struct mount_source, plan->count + 1);

	for (size_t i = 0; i < plan->count; i++) {
		sources[i] = (struct mount_source){ .tree_fd = -1, .volume_fd = -1 };
		if (plan->steps[i].act == MOUNT_TREE && open_source(plan->steps[i].user, &sources[i], err) < 0)
			return -1;
	}
	*ret = sources;
	return 0;
}

static int add_device(const char *host_path, const char *path, struct arena *arena, struct device_nodes *nodes, struct err *err)
{
	struct stat st;

	if (lstat(host_path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "device '%s'", host_path);     /* gone since it was listed */
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return 0;
	if (nodes->count == nodes->room)
		return err_set(err, ERR_EXHAUSTED, "this host has more than %d devices", DEVICES_MAX);
	nodes->items[nodes->count++] = (struct device_node){ arena_strdup(arena, path), st.st_mode, st.st_rdev, st.st_uid, st.st_gid };
	return 0;
}

/* Those that a container has of its own are left out. */
static int add_devices_below(const char *dir, struct arena *arena, struct device_nodes *nodes, struct err *err)
{
	static const char *const own[] = { "pts", "shm", "fd", "mqueue", "console", "ptmx" };
	CLEANUP(strlist_finip) struct strlist names = { 0 };

	if (dir_list(dir, &names, err) < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	for (size_t i = 0; i < names.count; i++) {
		char *path = arena_printf(arena, "%s/%s", dir, names.items[i]);
		bool is_own = names.items[i][0] == '.';
		struct stat st;

		for (size_t k = 0; k < ARRAY_COUNT(own); k++)
			is_own = is_own || str_eq(names.items[i], own[k]);
		if (is_own)
			continue;
		int result = lstat(path, &st) == 0 && S_ISDIR(st.st_mode) ? add_devices_below(path, arena, nodes, err)
									  : add_device(path, path, arena, nodes, err);

		if (result < 0)
			return -1;
	}
	return 0;
}

int mounts_look_at_devices(const struct container_spec *spec, struct arena *arena, struct device_nodes *ret, struct err *err)
{
	struct device_nodes nodes = { .room = spec->device_count + (spec->has_all_devices ? DEVICES_MAX : 0) };
	struct stat st;

	nodes.items = ARENA_ARRAY(arena, struct device_node, nodes.room);
	for (size_t i = 0; i < spec->device_count; i++) {
		const struct container_device *device = &spec->devices[i];

		/* by name or by a link to it, as /dev/disk/by-id has them */
		if (stat(device->host_path, &st) < 0)
			return err_sys(err, "device '%s'", device->host_path);
		nodes.items[nodes.count++] = (struct device_node){ arena_strdup(arena, device->path), st.st_mode, st.st_rdev, st.st_uid,
								   st.st_gid };
	}
	if (spec->has_all_devices && add_devices_below("/dev", arena, &nodes, err) < 0)
		return -1;
	*ret = nodes;
	return 0;
}

/* --- mounts, inside ---------------------------------------------------------------------------- */

/* What we put at /proc, /sys and /dev hides and seals by these names later: a link there would have it hide something else. */
static int open_own_target(int root_fd, const char *path, int *ret_fd, struct err *err)
{
	int fd = inroot_open_plain(root_fd, path, O_PATH | O_DIRECTORY);

	if (fd < 0 && errno == ENOENT) {
		CLEANUP(fd_closep) int made = -1;

		if (inroot_make_dir(root_fd, path, &made, err) < 0)
			return -1;
		fd = inroot_open_plain(root_fd, path, O_PATH | O_DIRECTORY);
	}
	if (fd < 0)
		return err_set(err, ERR_INVALID, "'%s' of the image is not a directory: nothing can be mounted there", path);
	*ret_fd = fd;
	return 0;
}

static bool is_proc(int fd)
{
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* A volume in /proc could catch what we write there, or show it as done; the files are those that lxcfs plays, as in runc. Looked at through
 * the descriptor: an image may have a link to /proc where the user mounts. */
static int check_proc(const struct mount_step *step, const struct mount_source *source, int target, struct err *err)
{
	static const char *const played[] = { "cpuinfo", "diskstats", "loadavg", "meminfo", "net/dev", "slabinfo", "stat", "swaps", "uptime",
					      "sys/crypto/fips_enabled", "sys/kernel/ns_last_pid" };

	if (mounts_is_same_place(step->target, "/proc"))
		return is_proc(source->tree_fd) ? 0 : err_set(err, ERR_INVALID, "\"%s\" cannot be mounted because it is not of type proc",
							      step->target);
	if (!is_proc(target))
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(played); i++)
		if (source->is_file && str_starts(step->target, "/proc/") && mounts_is_same_place(step->target + sizeof "/proc", played[i]))
			return 0;
	return err_set(err, ERR_INVALID, "\"%s\" cannot be mounted because it is inside /proc", step->target);
}

static int open_target(int root_fd, const struct mount_step *step, const struct mount_source *source, int *ret_fd, struct err *err)
{
	if (!step->user)
		return open_own_target(root_fd, step->target, ret_fd, err);
	if ((source->is_file ? inroot_make_file : inroot_make_dir)(root_fd, step->target, ret_fd, err) < 0)
		return -1;
	return check_proc(step, source, *ret_fd, err);
}

/* "." after fchdir is that very directory, whatever the path to it looks like. */
static int mount_fs(int root_fd, const struct mount_step *step, const struct mount_source *source, struct err *err)
{
	CLEANUP(fd_closep) int target = -1;

	if (open_target(root_fd, step, source, &target, err) < 0)
		return -1;
	if (fchdir(target) < 0 || mount(step->type, ".", step->type, step->flags, step->data) < 0)
		return err_sys(err, "mount %s at '%s'", step->type, step->target);
	return 0;
}

static int seal(int root_fd, const struct mount_step *step, struct err *err)
{
	CLEANUP(fd_closep) int target = inroot_open(root_fd, step->target, O_PATH | O_DIRECTORY);

	if (target < 0 || fchdir(target) < 0 ||
	    mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL) < 0)
		return err_sys(err, "make '%s' read-only", step->target);
	return 0;
}

static int seal_attached(int root_fd, const char *path, struct err *err)
{
	CLEANUP(fd_closep) int fd = inroot_open(root_fd, path, O_PATH);
	char name[32];

	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	if (fd < 0 || mount(NULL, name, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return err_sys(err, "make '%s' read-only", path);
	return 0;
}

static bool is_empty_dir(int fd)
{
	CLEANUP(fd_closep) int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	bool is_empty = dir;

	for (struct dirent *entry; is_empty && (entry = readdir(dir));)
		is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir) {
		(void)fd_take(&own);            /* closedir closes it */
		closedir(dir);
	}
	return is_empty;
}

/* A new volume starts with what the image has at its place, owner and mode included. */
static int fill_volume(int root_fd, const struct mount_step *step, const struct mount_source *source, struct err *err)
{
	if (source->volume_fd < 0 || !is_empty_dir(source->volume_fd))
		return 0;
	CLEANUP(fd_closep) int from = inroot_open(root_fd, step->target, O_RDONLY | O_DIRECTORY);

	if (from < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, "open '%s' in the image", step->target);
	return tree_copy(from, source->volume_fd, 0, err) < 0 ? err_wrap(err, "fill volume '%s'", step->user->source) : 0;
}

static int mount_tree(int root_fd, const struct mount_step *step, const struct mount_source *source, struct err *err)
{
	CLEANUP(fd_closep) int target = -1;

	if (fill_volume(root_fd, step, source, err) < 0)
		return -1;
	if (open_target(root_fd, step, source, &target, err) < 0)
		return -1;
	if (kcall_move_mount(source->tree_fd, target) < 0)
		return err_sys(err, "mount '%s' at '%s'", step->user->source, step->target);
	return step->user->is_readonly && lacks_setattr ? seal_attached(root_fd, step->target, err) : 0;
}

static int apply_step(int root_fd, const struct mount_step *step, const struct mount_source *source, struct err *err)
{
	switch (step->act) {
	case MOUNT_FS: return mount_fs(root_fd, step, source, err);
	case MOUNT_TREE: return mount_tree(root_fd, step, source, err);
	case MOUNT_SEAL: return seal(root_fd, step, err);
	}
	return 0;
}

int mounts_apply(int root_fd, const struct mount_plan *plan, struct mount_source *sources, struct err *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		int result = apply_step(root_fd, &plan->steps[i], &sources[i], err);

		fd_closep(&sources[i].tree_fd);
		fd_closep(&sources[i].volume_fd);
		sources[i].tree_fd = sources[i].volume_fd = -1;
		if (result < 0)
			return -1;
	}
	return 0;
}

/* --- /dev -------------------------------------------------------------------------------------- */

static int make_own_nodes(int dev, struct err *err)
{
	static const struct { char name[8]; unsigned major, minor; } nodes[] = {
		{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 }
	};
	static const struct { char name[8], target[16]; } links[] = {
		{ "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" }, { "core", "/proc/kcore" }, { "ptmx", "pts/ptmx" }
	};

	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++)
		if (mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) < 0 && errno != EEXIST)
			return err_sys(err, "make /dev/%s", nodes[i].name);
	for (size_t i = 0; i < ARRAY_COUNT(links); i++)
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
			return err_sys(err, "make /dev/%s", links[i].name);
	return 0;
}

static int make_node(int root_fd, const struct device_node *node, struct err *err)
{
	CLEANUP(fd_closep) int dir = -1;
	const char *name;

	if (inroot_make_parent(root_fd, node->path, &dir, &name, err) < 0)
		return -1;
	if (mknodat(dir, name, node->mode, node->number) < 0)
		return errno == EEXIST ? 0 : err_sys(err, "make '%s'", node->path);
	if ((node->uid || node->gid) && fchownat(dir, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "owner of '%s'", node->path);
	return 0;
}

/* Called with umask 0: a node's mode is what it says. */
int mounts_make_dev(int root_fd, const struct mount_plan *plan, const struct device_nodes *nodes, struct err *err)
{
	if (plan->makes_dev) {
		CLEANUP(fd_closep) int dev = inroot_open(root_fd, "/dev", O_PATH | O_DIRECTORY);

		if (dev < 0 || make_own_nodes(dev, err) < 0)
			return dev < 0 ? err_sys(err, "open /dev") : -1;
	}
	for (size_t i = 0; i < nodes->count; i++)
		if (make_node(root_fd, &nodes->items[i], err) < 0)
			return -1;
	return 0;
}

/* --- hidden paths ------------------------------------------------------------------------------ */

/* What the descriptor is open on; sealed with all that is mounted below it. */
static int bind_over(int from, bool is_sealed, int target)
{
	unsigned deep = is_sealed ? KCALL_RECURSIVE : 0;
	CLEANUP(fd_closep) int tree = kcall_open_tree(from, "", KCALL_TREE_CLONE | KCALL_TREE_CLOEXEC | KCALL_EMPTY_PATH | deep);
	struct kcall_mount_attr attr = { .set = KCALL_ATTR_RDONLY };

	if (tree < 0)
		return -1;
	if (is_sealed && set_attr(tree, deep, &attr) < 0 && errno != ENOSYS)
		return -1;
	return kcall_move_mount(tree, target);
}

/* Files get /dev/null over them; all directories share one empty, read-only tmpfs. Both are kept by a descriptor from the first on. */
struct covers { int null_fd, empty_fd; };

/* Where the user has mounted a /dev of his own, somebody may have put a link there, to what is to be hidden. */
static int open_null(int root_fd, struct covers *covers, struct err *err)
{
	struct stat st;

	if (covers->null_fd < 0)
		covers->null_fd = inroot_open_plain(root_fd, "/dev/null", O_PATH);
	if (covers->null_fd < 0 || fstat(covers->null_fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(err, ERR_INVALID, "/dev/null is not the null device");
	return 0;
}

static int mask_dir(int root_fd, const char *path, int target, struct covers *covers, struct err *err)
{
	if (covers->empty_fd >= 0)
		return bind_over(covers->empty_fd, false, target) < 0 ? err_sys(err, "mask '%s'", path) : 0;
	if (fchdir(target) < 0 || mount("tmpfs", ".", "tmpfs", MS_RDONLY, "size=4k") < 0)
		return err_sys(err, "mask '%s'", path);
	covers->empty_fd = inroot_open(root_fd, path, O_PATH | O_DIRECTORY);
	return 0;
}

static int mask(int root_fd, const char *path, struct covers *covers, struct err *err)
{
	CLEANUP(fd_closep) int target = inroot_open(root_fd, path, O_PATH);
	struct stat st;

	if (target < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, "mask '%s'", path);
	if (fstat(target, &st) < 0)
		return err_sys(err, "mask '%s'", path);
	if (S_ISDIR(st.st_mode))
		return mask_dir(root_fd, path, target, covers, err);
	if (open_null(root_fd, covers, err) < 0)
		return err_wrap(err, "mask '%s'", path);
	return bind_over(covers->null_fd, false, target) < 0 ? err_sys(err, "mask '%s'", path) : 0;
}

/* One name in a path may end in a star: cpu* is one folder of each processor. */
static int mask_each(int root_fd, const char *pattern, struct covers *covers, struct err *err)
{
	const char *star = strchr(pattern, '*'), *name = star;
	char path[PATH_MAX];
	int result = 0;

	if (!star)
		return mask(root_fd, pattern, covers, err);
	while (name > pattern && name[-1] != '/')
		name--;
	snprintf(path, sizeof path, "%.*s", (int)(name - pattern), pattern);
	int fd = inroot_open(root_fd, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	for (struct dirent *entry; dir && result == 0 && (entry = readdir(dir));)
		if (strncmp(entry->d_name, name, (size_t)(star - name)) == 0 &&
		    snprintf(path, sizeof path, "%.*s%s%s", (int)(name - pattern), pattern, entry->d_name, star + 1) < PATH_MAX)
			result = mask(root_fd, path, covers, err);
	if (dir)
		closedir(dir);
	return result;
}

static int make_readonly(int root_fd, const char *path, struct err *err)
{
	CLEANUP(fd_closep) int target = inroot_open(root_fd, path, O_PATH);

	if (target < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, "make '%s' read-only", path);
	if (bind_over(target, true, target) < 0)
		return err_sys(err, "make '%s' read-only", path);
	return lacks_setattr ? seal_attached(root_fd, path, err) : 0;
}

int mounts_hide(int root_fd, const struct container_spec *spec, struct err *err)
{
	struct covers covers = { -1, -1 };
	int result = 0;

	for (size_t i = 0; i < spec->readonly_paths.count; i++)
		if (make_readonly(root_fd, spec->readonly_paths.items[i], err) < 0)
			return -1;
	for (size_t i = 0; result == 0 && i < spec->masked_paths.count; i++)
		result = mask_each(root_fd, spec->masked_paths.items[i], &covers, err);
	fd_closep(&covers.null_fd);
	fd_closep(&covers.empty_fd);
	return result;
}

int mounts_open_sysctl(int root_fd, const char *path)
{
	CLEANUP(fd_closep) int proc = inroot_open_plain(root_fd, "/proc/sys", O_PATH | O_DIRECTORY);

	if (!is_proc(proc)) {
		errno = ENOENT;
		return -1;
	}
	return kcall_openat2(proc, path, O_WRONLY | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}
