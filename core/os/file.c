#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"

enum { LOCK_TRIES_MAX = 500 };  /* five seconds */

void fd_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	/* It runs between a failed call and whoever reports it. */
	errno = saved;
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

int fd_write_all(int fd, const void *bytes, size_t count)
{
	const char *at = bytes;

	while (count) {
		ssize_t written = write(fd, at, count);
		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0) {
			at += written;
			count -= (size_t)written;
		}
	}
	return 0;
}

int fd_set_nonblocking(int fd, bool enabled)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFL, enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/* A missing file is an answer, anything else that goes wrong is a failure. */
static int fail(struct err *err, const char *verb, const char *path)
{
	int saved = errno;

	err_sys(err, "%s '%s'", verb, path);
	if (err && (saved == ENOENT || saved == ENOTDIR))
		err->code = ERR_NOT_FOUND;
	errno = saved;
	return -1;
}

/* The folder a path lies in, and where its last name begins; the path has no slash at its end. */
static char *parent_of(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return str_dup(".");
	return slash == path ? str_dup("/") : str_printf("%.*s", (int)(slash - path), path);
}

int file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
	return file_read_at(AT_FDCWD, path, max_bytes, out, err);
}

static int read_to_end(int fd, const char *name, size_t max_bytes, struct buf *out, struct err *err)
{
	size_t start = out->len;

	/* One byte more than allowed is asked for, because files of /proc do not know their
	 * size. */
	for (;;) {
		size_t left = max_bytes - (out->len - start);
		size_t want = left < 65536 ? left + 1 : 65536;

		buf_reserve(out, want);
		if (out->overflowed)
			return err_set(err, ERR_INVALID, "file '%s': larger than %zu bytes", name,
				       max_bytes);
		ssize_t got = read(fd, out->data + out->len, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(err, "read", name);
		if ((size_t)got > left)
			return err_set(err, ERR_INVALID, "file '%s': larger than %zu bytes", name,
				       max_bytes);
		out->len += (size_t)got;
		out->data[out->len] = '\0';
		if (got == 0)
			return 0;
	}
}

int file_read_at(int dir_fd, const char *name, size_t max_bytes, struct buf *out, struct err *err)
{
	/* Never stuck on a FIFO that somebody put there. */
	CLEANUP(fd_closep)
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(err, "open", name);

	size_t before = out->len;
	if (read_to_end(fd, name, max_bytes, out, err) == 0)
		return 0;
	out->len = before;
	if (out->data)
		out->data[before] = '\0';
	return -1;
}

static int fill_and_rename(int fd, const char *temporary, const char *path, const void *bytes,
			   size_t count, mode_t mode, bool durable, struct err *err)
{
	if (fchmod(fd, mode) < 0 || fd_write_all(fd, bytes, count) < 0 ||
	    (durable && fsync(fd) < 0))
		return fail(err, "write", path);
	if (rename(temporary, path) < 0)
		return fail(err, "rename to", path);
	return 0;
}

static int write_through(const char *path, const void *bytes, size_t count, mode_t mode,
			 bool durable, struct err *err)
{
	const char *name;
	CLEANUP(str_freep) char *folder = parent_of(path, &name);
	CLEANUP(str_freep) char *temporary = str_printf("%s/.%s.XXXXXX", folder, name);

	CLEANUP(fd_closep) int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail(err, "create", path);
	if (fill_and_rename(fd, temporary, path, bytes, count, mode, durable, err) < 0) {
		unlink(temporary);
		return -1;
	}
	return durable ? dir_sync(folder, err) : 0;
}

int file_write_durable(const char *path, const void *bytes, size_t count, mode_t mode,
		       struct err *err)
{
	return write_through(path, bytes, count, mode, true, err);
}

int file_write_atomic(const char *path, const void *bytes, size_t count, mode_t mode,
		      struct err *err)
{
	return write_through(path, bytes, count, mode, false, err);
}

int file_poke(const char *path, const char *text, struct err *err)
{
	size_t length = strlen(text);

	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail(err, "open", path);
	ssize_t written = write(fd, text, length);
	if (written < 0)
		return err_sys(err, "write '%s' to '%s'", text, path);
	if ((size_t)written < length)
		return err_set(err, ERR_IO, "write '%s' to '%s': only %zd bytes were taken", text,
			       path, written);
	return 0;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static int make_one(const char *path, mode_t mode, struct err *err)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return chmod(path, mode) < 0 ? fail(err, "create folder", path) : 0;    /* mkdir heeds the umask */
	if (errno != EEXIST)
		return fail(err, "create folder", path);
	if (stat(path, &st) < 0)
		return fail(err, "create folder", path);
	return S_ISDIR(st.st_mode)
		       ? 0
		       : err_set(err, ERR_CONFLICT, "create folder '%s': it is a file", path);
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
	CLEANUP(str_freep) char *part = str_dup(path);

	for (char *slash = *part ? strchr(part + 1, '/') : NULL; slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (make_one(part, mode, err) < 0)
			return -1;
		*slash = '/';
	}
	return make_one(path, mode, err);
}

int dir_sync(const char *path, struct err *err)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(err, "open", path);
	return fsync(fd) < 0 ? fail(err, "sync", path) : 0;
}

void dir_spread(const char *path)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int flags;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || flags & FS_TOPDIR_FL)
		return;
	flags |= FS_TOPDIR_FL;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int dir_list(const char *path, struct strlist *ret, struct err *err)
{
	struct strlist names = { 0 };
	struct dirent *entry;

	CLEANUP(closedirp) DIR *dir = opendir(path);
	if (!dir)
		return fail(err, "open", path);
	while (errno = 0, (entry = readdir(dir)))
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			strlist_add(&names, entry->d_name);
	if (errno) {
		strlist_fini(&names);
		return fail(err, "read", path);
	}
	strlist_sort(&names);
	*ret = names;
	return 0;
}

/* 0 when nobody has written who it is. */
static pid_t holder_of(int fd)
{
	char text[24] = "";
	uint64_t pid;

	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		text[strcspn(text, "\n")] = '\0';
	return str_to_u64(text, &pid) == 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

static int lock_conflict(int fd, const char *path, struct err *err)
{
	pid_t pid = holder_of(fd);

	if (pid)
		return err_set(err, ERR_CONFLICT, "lock '%s': held by process %d", path, (int)pid);
	return err_set(err, ERR_CONFLICT, "lock '%s': held by another process", path);
}

static bool is_dead(pid_t pid)
{
	return pid && kill(pid, 0) < 0 && errno == ESRCH;
}

/* Of a holder that was killed a child may be left that has not come to its exec yet: it holds the
 * descriptor until then, and that passes by itself. -1 with errno. */
static int take_lock(int fd)
{
	static const struct timespec moment = { .tv_nsec = 10000000 };

	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		int error = errno;

		if (error != EWOULDBLOCK || tries == LOCK_TRIES_MAX || !is_dead(holder_of(fd))) {
			errno = error;
			return -1;
		}
		nanosleep(&moment, NULL);
	}
	return 0;
}

int file_lock(const char *path, int *ret_fd, struct err *err)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fail(err, "open", path);
	if (take_lock(fd) < 0)
		return errno == EWOULDBLOCK ? lock_conflict(fd, path, err)
					    : fail(err, "lock", path);

	/* For people and for the message above; the lock itself is the descriptor. */
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return fail(err, "write", path);
	*ret_fd = fd_take(&fd);
	return 0;
}

char *path_join(const char *a, const char *b)
{
	size_t length = strlen(a);

	while (*b == '/')
		b++;
	if (!length)
		return str_dup(b);
	while (length > 1 && a[length - 1] == '/')
		length--;
	return str_printf("%.*s%s%s", (int)length, a, a[length - 1] == '/' ? "" : "/", b);
}
