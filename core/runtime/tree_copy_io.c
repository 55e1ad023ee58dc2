/* tree_copy_io.c - a tree from one place to another, entry by entry, by directory descriptors. */
#include "runtime/tree_copy_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "os/layer_mark.h"

enum { NAMES_BYTES = 65536, VALUE_BYTES = 65536, DEEPEST = 2000 };

struct copy {
	unsigned flags;
	dev_t device;                    /* of the source: a mount below it is left out */
	struct map *links;               /* "dev:inode" -> path in the copy, of files with more than one name */
	int to_root;
	char path[8192];                 /* of the entry at hand, from the root of the copy */
	unsigned depth;
};

static int copy_dir(struct copy *copy, int from, int to, struct err *err);

static void fd_path(int fd, char ret[32])
{
	snprintf(ret, 32, "/proc/self/fd/%d", fd);
}

static bool is_overlay_xattr(const char *name)
{
	return str_starts(name, "trusted.overlay.") || str_starts(name, "user.overlay.");
}

/* Through /proc/self/fd, so that it works for O_PATH descriptors of links and devices. What the target cannot hold is an error: a file
 * capability that got lost is a program that no longer works. */
static int copy_xattrs(struct copy *copy, int from, int to, struct err *err)
{
	char from_path[32], to_path[32], *names = NEW_ARRAY(char, NAMES_BYTES), *value = NEW_ARRAY(char, VALUE_BYTES);
	int result = 0;

	fd_path(from, from_path);
	fd_path(to, to_path);
	ssize_t length = listxattr(from_path, names, NAMES_BYTES);

	for (char *name = names; result == 0 && name < names + length; name += strlen(name) + 1) {
		ssize_t size = getxattr(from_path, name, value, VALUE_BYTES);

		if (size < 0 || is_overlay_xattr(name))
			continue;
		if (setxattr(to_path, name, value, (size_t)size, 0) < 0 && errno != ENOTSUP)
			result = err_sys(err, "copy '%s': attribute %s", copy->path, name);
	}
	free(names);
	free(value);
	return result;
}

/* chown first: it clears set-user-id bits and capabilities. */
static int copy_meta(struct copy *copy, int from, int to, const struct stat *st, struct err *err)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char path[32];

	fd_path(to, path);
	if (fchownat(to, "", st->st_uid, st->st_gid, AT_EMPTY_PATH) < 0)
		return err_sys(err, "copy '%s': owner", copy->path);
	if (S_ISLNK(st->st_mode))
		return 0;
	if (chmod(path, st->st_mode & 07777) < 0)
		return err_sys(err, "copy '%s': mode", copy->path);
	if (copy_xattrs(copy, from, to, err) < 0)
		return -1;
	return utimensat(AT_FDCWD, path, times, 0) < 0 ? err_sys(err, "copy '%s': times", copy->path) : 0;
}

static int copy_range(int from, int to, off_t start, off_t end)
{
	while (start < end) {
		off_t at = start;

		if (lseek(to, start, SEEK_SET) < 0)
			return -1;
		ssize_t count = sendfile(to, from, &at, (size_t)MIN(end - start, 1 << 30));

		if (count < 0)
			return -1;
		if (count == 0)
			return 0;        /* the file became shorter */
		start += count;
	}
	return 0;
}

/* Only what is data is written; the rest stays a hole. */
static int copy_data(int from, int to, off_t size)
{
	for (off_t at = 0; at < size;) {
		off_t data = lseek(from, at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			data = at;
		off_t hole = lseek(from, data, SEEK_HOLE);

		if (hole < 0 || hole > size)
			hole = size;
		if (copy_range(from, to, data, hole) < 0)
			return -1;
		at = hole;
	}
	return ftruncate(to, size);
}

static int copy_file(struct copy *copy, int from_dir, int to_dir, const char *name, const struct stat *st, struct err *err)
{
	CLEANUP(fd_closep) int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(fd_closep) int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (from < 0 || to < 0)
		return err_sys(err, "copy '%s'", copy->path);
	if (copy_data(from, to, st->st_size) < 0)
		return err_sys(err, "copy '%s'", copy->path);
	return copy_meta(copy, from, to, st, err);
}

static int copy_link(struct copy *copy, int from_dir, int to_dir, const char *name, const struct stat *st, struct err *err)
{
	char target[4096];
	ssize_t length = readlinkat(from_dir, name, target, sizeof target - 1);

	if (length < 0)
		return err_sys(err, "copy '%s'", copy->path);
	target[length] = '\0';
	if (symlinkat(target, to_dir, name) < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "copy '%s'", copy->path);
	return 0;
}

static int copy_node(struct copy *copy, int from_dir, int to_dir, const char *name, const struct stat *st, struct err *err)
{
	if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0)
		return err_sys(err, "copy '%s'", copy->path);
	CLEANUP(fd_closep) int from = openat(from_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(fd_closep) int to = openat(to_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0 || to < 0)
		return err_sys(err, "copy '%s'", copy->path);
	return copy_meta(copy, from, to, st, err);
}

/* True: this inode is in the copy already, and got one more name. */
static bool copy_as_hardlink(struct copy *copy, int to_dir, const char *name, const struct stat *st)
{
	char key[64];

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return false;
	snprintf(key, sizeof key, "%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	char *first = map_get(copy->links, key);

	if (first)
		return linkat(copy->to_root, first, to_dir, name, 0) == 0;
	map_put(copy->links, key, str_dup(copy->path));
	return false;
}

static int remove_existing(int dir, const char *name, struct err *err)
{
	char path[32 + 300];

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, "remove '%s' of a lower layer", name);
	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
	return dir_remove_tree(path, err);
}

static int copy_subdir(struct copy *copy, int from_dir, int to_dir, const char *name, struct err *err)
{
	CLEANUP(fd_closep) int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat there;

	if (from < 0)
		return err_sys(err, "copy '%s'", copy->path);
	bool is_there = fstatat(to_dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0;

	if (is_there && (!S_ISDIR(there.st_mode) || (copy->flags & TREE_COPY_LAYER && opaque_is_set(from)))) {
		if (remove_existing(to_dir, name, err) < 0)
			return -1;
		is_there = false;
	}
	if (!is_there && mkdirat(to_dir, name, 0700) < 0)
		return err_sys(err, "copy '%s'", copy->path);
	CLEANUP(fd_closep) int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return to < 0 ? err_sys(err, "copy '%s'", copy->path) : copy_dir(copy, from, to, err);
}

static int copy_entry(struct copy *copy, int from_dir, int to_dir, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "copy '%s'", copy->path);
	/* Only directories tell: on overlayfs, files may carry the device of their layer. */
	if (S_ISDIR(st.st_mode) && st.st_dev != copy->device)
		return 0;
	if (S_ISDIR(st.st_mode))
		return copy_subdir(copy, from_dir, to_dir, name, err);
	if (remove_existing(to_dir, name, err) < 0)
		return -1;
	if (copy->flags & TREE_COPY_LAYER && whiteout_is(from_dir, name))
		return 0;        /* it has done its work */
	if (copy_as_hardlink(copy, to_dir, name, &st))
		return 0;
	if (S_ISREG(st.st_mode))
		return copy_file(copy, from_dir, to_dir, name, &st, err);
	if (S_ISLNK(st.st_mode))
		return copy_link(copy, from_dir, to_dir, name, &st, err);
	return S_ISSOCK(st.st_mode) ? 0 : copy_node(copy, from_dir, to_dir, name, &st, err);
}

static int copy_entries(struct copy *copy, DIR *dir, int from, int to, struct err *err)
{
	size_t base = strlen(copy->path);

	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (base + strlen(entry->d_name) + 2 > sizeof copy->path)
			return err_set(err, ERR_INVALID, "copy '%.200s…': the path is too long", copy->path);
		snprintf(copy->path + base, sizeof copy->path - base, "%s%s", base ? "/" : "", entry->d_name);
		int result = copy_entry(copy, from, to, entry->d_name, err);

		copy->path[base] = '\0';
		if (result < 0)
			return -1;
	}
	return 0;
}

/* The directory's own times come last, for its entries change them. */
static int copy_dir(struct copy *copy, int from, int to, struct err *err)
{
	struct stat st;
	int own = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);

	if (!dir || fstat(from, &st) < 0 || copy->depth >= DEEPEST) {
		if (dir)
			closedir(dir);
		return err_set(err, ERR_IO, "copy '%.500s': cannot be read, or is too deep", copy->path);
	}
	copy->depth++;
	int result = copy_entries(copy, dir, from, to, err);

	copy->depth--;
	closedir(dir);
	return result < 0 ? -1 : copy_meta(copy, from, to, &st, err);
}

int tree_copy(int from_fd, int to_fd, unsigned flags, struct err *err)
{
	struct copy copy = { .flags = flags, .links = map_new(), .to_root = to_fd };
	struct stat st;
	const char *key;
	void *path;
	int result = fstat(from_fd, &st) < 0 ? err_sys(err, "copy a tree") : 0;

	copy.device = st.st_dev;
	if (result == 0)
		result = copy_dir(&copy, from_fd, to_fd, err);
	for (size_t at = 0; map_next(copy.links, &at, &key, &path);)
		free(path);
	map_free(copy.links);
	return result;
}
