/* Removing a folder with everything in it; declared in file.h.
 *
 * The content is not ours: containers wrote it. So a name is only ever resolved inside the
 * folder it was read from, no link is followed, no mount entered (openat2(2), RESOLVE_NO_XDEV),
 * and a tree deeper than TREE_DEPTH is taken apart by moving its lower part up next to the top
 * instead of descending further: descriptors and stack stay bounded. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

enum { TREE_DEPTH = 64 };

struct removal {
	const char *path;       /* of the top, for messages */
	int top_fd;
	unsigned moved_count;
	struct err *err;
};

static int open_folder(int dir_fd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};

	return (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
}

static int fail(const struct removal *removal, const char *name)
{
	if (errno == EXDEV || errno == EBUSY)
		return err_set(removal->err, ERR_CONFLICT,
			       "remove '%s': something is mounted at '%s' in it", removal->path,
			       name);
	return err_sys(removal->err, "remove '%s': '%s' in it", removal->path, name);
}

static int empty_folder(struct removal *removal, int fd, unsigned depth, bool *ret_changed);

/* Empties and removes the folder; passes are repeated as long as they find something, since a
 * folder that is read while it changes may skip a name, and the top gets new ones from below. */
static int remove_folder(struct removal *removal, int parent_fd, const char *name, unsigned depth)
{
	bool changed = true;

	CLEANUP(fd_closep) int fd = open_folder(parent_fd, name);
	if (fd < 0) {
		if (errno == ENOTDIR)
			/* A file that may not be removed, which is what unlinkat had said. */
			errno = EPERM;
		return errno == ENOENT ? 0 : fail(removal, name);
	}
	if (depth == 0)
		removal->top_fd = fd;
	while (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0) {
		if (errno == ENOENT)
			return 0;
		if ((errno != ENOTEMPTY && errno != EEXIST) || !changed)
			return fail(removal, name);
		if (empty_folder(removal, fd, depth, &changed) < 0)
			return -1;
	}
	return 0;
}

/* A name nobody else uses; a taken one that is a folder with content makes renameat fail, and
 * the next number is tried. */
static int move_to_top(struct removal *removal, int fd, const char *name)
{
	char moved[32];

	do {
		snprintf(moved, sizeof(moved), ".moved-%u", removal->moved_count++);
		if (renameat(fd, name, removal->top_fd, moved) == 0)
			return 0;
	} while (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR);
	return fail(removal, name);
}

static int remove_entry(struct removal *removal, int fd, const char *name, unsigned depth)
{
	if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return fail(removal, name);
	if (depth == TREE_DEPTH)
		return move_to_top(removal, fd, name);
	return remove_folder(removal, fd, name, depth + 1);
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int empty_folder(struct removal *removal, int fd, unsigned depth, bool *ret_changed)
{
	struct dirent *entry;

	*ret_changed = false;
	CLEANUP(fd_closep) int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return fail(removal, ".");
	CLEANUP(closedirp) DIR *dir = fdopendir(own);
	if (!dir)
		return fail(removal, ".");
	fd_take(&own);                       /* belongs to dir */
	while (errno = 0, (entry = readdir(dir))) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		*ret_changed = true;
		if (remove_entry(removal, fd, entry->d_name, depth) < 0)
			return -1;
	}
	return errno ? fail(removal, ".") : 0;
}

static int remove_at(struct removal *removal, int parent_fd, const char *name)
{
	if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return fail(removal, name);
	return remove_folder(removal, parent_fd, name, 0);
}

int dir_remove_tree_at(int dir_fd, const char *name, struct err *err)
{
	struct removal removal = { .path = name, .top_fd = -1, .err = err };

	if (!*name || strchr(name, '/') || str_eq(name, ".") || str_eq(name, ".."))
		return err_set(err, ERR_INVALID, "remove '%s': not the name of a folder", name);
	return remove_at(&removal, dir_fd, name);
}

static int remove_in(struct removal *removal, const char *parent, const char *name)
{
	CLEANUP(fd_closep) int parent_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (parent_fd < 0)
		return errno == ENOENT ? 0 : err_sys(removal->err, "remove '%s'", removal->path);
	return remove_at(removal, parent_fd, name);
}

int dir_remove_tree(const char *path, struct err *err)
{
	CLEANUP(str_freep) char *clean = str_dup(path);
	struct removal removal = { .path = path, .top_fd = -1, .err = err };
	size_t length = strlen(clean);

	while (length > 1 && clean[length - 1] == '/')
		clean[--length] = '\0';
	char *slash = strrchr(clean, '/');
	const char *name = slash ? slash + 1 : clean;
	if (!*name || str_eq(name, ".") || str_eq(name, ".."))
		return err_set(err, ERR_INVALID, "remove '%s': not the name of a folder", path);
	if (!slash)
		return remove_in(&removal, ".", name);
	bool in_root = slash == clean;
	*slash = '\0';
	return remove_in(&removal, in_root ? "/" : clean, name);
}
