/* inroot_io.c - lookups that cannot leave a root. */
#include "runtime/inroot_io.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "os/file.h"
#include "runtime/kcall_io.h"

int inroot_open(int root_fd, const char *path, int flags)
{
	return kcall_openat2(root_fd, path, flags | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int inroot_open_plain(int root_fd, const char *path, int flags)
{
	return kcall_openat2(root_fd, path, flags | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

/* "/a/b//c/" of this length -> the length of "/a/b"; 0 above the first name. */
static size_t parent_length(const char *path, size_t length)
{
	while (length && path[length - 1] == '/')
		length--;
	while (length && path[length - 1] != '/')
		length--;
	while (length && path[length - 1] == '/')
		length--;
	return length;
}

/* Up to what is there, mostly one level, and down again. Each level is looked up from the root, so that a link half way is followed inside. */
static int make_levels(int root_fd, const char *path, int *ret_fd, struct err *err)
{
	char prefix[PATH_MAX];
	size_t at = strlen(path);
	CLEANUP(fd_closep) int fd = -1;

	if (at >= sizeof prefix)
		return err_set(err, ERR_INVALID, "path '%.100s…' is too long", path);
	do {
		at = parent_length(path, at);
		memcpy(prefix, path, at);
		prefix[at] = '\0';
		fd = inroot_open(root_fd, at ? prefix : "/", O_PATH | O_DIRECTORY);
	} while (fd < 0 && errno == ENOENT && at);
	if (fd < 0)
		return err_sys(err, "open '%s' in the container", at ? prefix : "/");

	for (at += strspn(path + at, "/"); path[at];) {
		size_t length = strcspn(path + at, "/");
		char name[NAME_MAX + 1];

		if (length >= sizeof name)
			return err_set(err, ERR_INVALID, "path '%s': a name in it is too long", path);
		memcpy(name, path + at, length);
		name[length] = '\0';
		memcpy(prefix, path, at + length);
		prefix[at + length] = '\0';
		if (mkdirat(fd, name, 0755) < 0)
			return err_sys(err, "mkdir '%s' in the container", prefix);
		fd_closep(&fd);
		fd = inroot_open(root_fd, prefix, O_PATH | O_DIRECTORY);
		if (fd < 0)
			return err_sys(err, "open '%s' in the container", prefix);
		at += length + strspn(path + at + length, "/");
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

int inroot_make_dir(int root_fd, const char *path, int *ret_fd, struct err *err)
{
	int fd = inroot_open(root_fd, path, O_PATH | O_DIRECTORY);

	if (fd < 0 && errno == ENOENT)
		return make_levels(root_fd, path, ret_fd, err);
	if (fd < 0)
		return err_sys(err, "open '%s' in the container", path);
	*ret_fd = fd;
	return 0;
}

int inroot_make_parent(int root_fd, const char *path, int *ret_fd, const char **ret_name, struct err *err)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || !slash[1] || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0 || (size_t)(slash - path) >= sizeof dir - 1)
		return err_set(err, ERR_INVALID, "'%s' is not the path of a file", path);
	snprintf(dir, sizeof dir, "%.*s/", (int)(slash - path), path);
	*ret_name = slash + 1;
	return inroot_make_dir(root_fd, dir, ret_fd, err);
}

int inroot_make_file(int root_fd, const char *path, int *ret_fd, struct err *err)
{
	CLEANUP(fd_closep) int dir = -1;
	const char *name;
	int fd = inroot_open(root_fd, path, O_PATH);

	if (fd < 0 && errno == ENOENT) {
		if (inroot_make_parent(root_fd, path, &dir, &name, err) < 0)
			return -1;
		CLEANUP(fd_closep) int made = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

		if (made < 0)
			return err_sys(err, "create '%s' in the container", path);
		fd = inroot_open(root_fd, path, O_PATH);
	}
	if (fd < 0)
		return err_sys(err, "open '%s' in the container", path);
	*ret_fd = fd;
	return 0;
}

int inroot_make_regular(int root_fd, const char *path, int *ret_fd, struct err *err)
{
	CLEANUP(fd_closep) int there = inroot_open(root_fd, path, O_PATH);
	CLEANUP(fd_closep) int dir = -1;
	const char *name;
	struct stat st;

	if (there >= 0 && fstat(there, &st) == 0 && S_ISREG(st.st_mode)) {
		*ret_fd = fd_take(&there);
		return 0;
	}
	if (inroot_make_parent(root_fd, path, &dir, &name, err) < 0)
		return -1;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, "replace '%s' in the container", path);
	return inroot_make_file(root_fd, path, ret_fd, err);
}

int inroot_read(int root_fd, const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
	CLEANUP(fd_closep) int there = inroot_open(root_fd, path, O_PATH);
	struct stat st;

	buf_clear(out);
	if (there < 0 || fstat(there, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if ((uint64_t)st.st_size > max_bytes)
		return err_set(err, ERR_INVALID, "'%s' in the container is larger than %zu bytes", path, max_bytes);
	/* by now it may be something else, a pipe that nobody writes to, say */
	CLEANUP(fd_closep) int fd = inroot_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_sys(err, "open '%s' in the container", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	buf_reserve(out, (size_t)st.st_size + 1);
	for (;;) {
		char chunk[4096];
		ssize_t count = read(fd, chunk, sizeof chunk);

		if (count < 0)
			return err_sys(err, "read '%s' in the container", path);
		if (count == 0 || out->len + (size_t)count > max_bytes)
			return 0;
		buf_add(out, chunk, (size_t)count);
	}
}
