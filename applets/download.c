#include "applets/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"

enum { PIECE_BYTES = 256 * 1024 };

int download_to_fd(struct http_client *client, int fd, const char *what, struct err *err)
{
	static char piece[PIECE_BYTES];
	size_t count;

	do {
		if (http_client_read(client, piece, sizeof(piece), &count, err) < 0)
			return err_wrap(err, "%s is not complete", what);
		if (fd_write_all(fd, piece, count) < 0)
			return err_sys(err, "write %s", what);
	} while (count);
	return 0;
}

static int exists(const char *path, struct err *err)
{
	return err_set(err, ERR_CONFLICT, "%s exists already: give another name, or --force to replace it", path);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? str_printf("%.*s", slash == path ? 1 : (int)(slash - path), path) : str_dup(".");
}

/* A file system that cannot make a file without a name gets one with another name. */
static int open_part(const char *path, const char *folder, char *part)
{
	int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
		part[0] = 0;
		return fd;
	}
	return mkostemp(strcpy(part, path), O_CLOEXEC);
}

/* part "": it has no name yet. */
static int give_name(int fd, char *part, const char *path, bool may_replace, struct err *err)
{
	CLEANUP(str_freep) char *self = str_printf("/proc/self/fd/%d", fd);
	CLEANUP(str_freep) char *other = str_printf("%s.part-%d", path, (int)getpid());
	const char *from = part[0] ? part : self;

	if (linkat(AT_FDCWD, from, AT_FDCWD, may_replace ? other : path, part[0] ? 0 : AT_SYMLINK_FOLLOW) < 0)
		return errno == EEXIST && !may_replace ? exists(path, err) : err_sys(err, "make %s", path);
	if (may_replace && rename(other, path) < 0) {
		err_sys(err, "rename to %s", path);
		unlink(other);
		return -1;
	}
	return 0;
}

/* Its name is on the disk, too, when this is said to be done. */
static int fill(struct http_client *client, int fd, char *part, const char *path, const char *folder, bool may_replace, const char *what,
		struct err *err)
{
	if (download_to_fd(client, fd, what, err) < 0)
		return -1;
	if (fsync(fd) < 0)
		return err_sys(err, "write %s", path);
	return give_name(fd, part, path, may_replace, err) < 0 ? -1 : dir_sync(folder, err);
}

int download_to_file(struct http_client *client, const char *path, bool may_replace, const char *what, struct err *err)
{
	CLEANUP(str_freep) char *template = str_printf("%s.part-XXXXXX", path);
	CLEANUP(str_freep) char *part = str_dup(template), *folder = folder_of(path);
	struct stat st;
	bool is_there = stat(path, &st) == 0, is_special = is_there && !S_ISREG(st.st_mode);
	CLEANUP(fd_closep) int fd = is_special ? open(path, O_WRONLY | O_CLOEXEC) : -1;

	if (is_there && !is_special && !may_replace)
		return exists(path, err);
	if (!is_special)
		fd = open_part(template, folder, part);
	if (fd < 0)
		return err_set(err, ERR_IO, "invalid output path: open %s: %s", path, strerror(errno));
	if (is_special)
		return download_to_fd(client, fd, what, err);
	int got = fill(client, fd, part, path, folder, may_replace, what, err);
	if (part[0])
		unlink(part);
	return got;
}
