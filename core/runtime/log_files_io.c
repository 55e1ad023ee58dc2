/* log_files_io.c - names, identities and ends of rotated files. */
#include "runtime/log_files_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/file.h"

enum { CHUNK_BYTES = 64 * 1024, PATH_BYTES = 4200 };

static const char *name_of(const char *path, int index, char text[PATH_BYTES])
{
	if (index == 0)
		return path;
	snprintf(text, PATH_BYTES, "%s.%d", path, index);
	return text;
}

int log_files_open(const char *path, int index)
{
	char text[PATH_BYTES];

	return open(name_of(path, index, text), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

int log_files_oldest(const char *path)
{
	char text[PATH_BYTES];
	struct stat st;
	int index = -1;

	while (index + 1 < LOG_FILES_MAX && stat(name_of(path, index + 1, text), &st) == 0)
		index++;
	return index;
}

int log_files_index(const char *path, int fd)
{
	struct stat ours, st;
	char text[PATH_BYTES];

	if (fstat(fd, &ours) < 0)
		return -1;
	for (int index = 0; index < LOG_FILES_MAX && stat(name_of(path, index, text), &st) == 0; index++)
		if (st.st_ino == ours.st_ino && st.st_dev == ours.st_dev)
			return index;
	return -1;
}

/* A new file often gets the inode's number of one just removed, so it is the handle, which has the inode's generation too. A file system without handles: the number. */
uint64_t log_files_identity(int fd)
{
	union { struct file_handle head; char room[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	uint64_t hash = 14695981039346656037u;   /* FNV-1a */
	struct stat st;
	int mount_id;

	if (name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) < 0)
		return fstat(fd, &st) == 0 ? st.st_ino : 0;
	for (unsigned i = 0; i < handle.head.handle_bytes; i++)
		hash = (hash ^ handle.head.f_handle[i]) * 1099511628211u;
	return hash;
}

/* Counts newlines from the end. True when *lines of them were found, the place behind the one before in *ret_offset; else *lines is what is
 * still missing. The newline that ends the file ends a line, it does not begin one. */
static int seek_in_file(int fd, int64_t *lines, bool *ret_found, int64_t *ret_offset)
{
	char chunk[CHUNK_BYTES];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	*ret_found = false;
	for (int64_t end = st.st_size; end > 0;) {
		int64_t start = MAX(end - CHUNK_BYTES, 0);
		ssize_t count = pread(fd, chunk, (size_t)(end - start), start);

		if (count <= 0)
			return (int)count;
		for (ssize_t i = count - 1; i >= 0; i--) {
			if (chunk[i] != '\n' || start + i == st.st_size - 1)
				continue;
			if (--*lines == 0) {
				*ret_found = true;
				*ret_offset = start + i + 1;
				return 0;
			}
		}
		end = start;
	}
	if (st.st_size > 0)
		--*lines;                /* the first line has no newline before it */
	if (*lines == 0) {
		*ret_found = true;
		*ret_offset = 0;
	}
	return 0;
}

int log_files_seek_tail(const char *path, int64_t lines, int *ret_index, int64_t *ret_offset, struct err *err)
{
	check(lines > 0);
	*ret_index = 0;
	*ret_offset = 0;
	for (int index = 0; index < LOG_FILES_MAX; index++) {
		CLEANUP(fd_closep) int fd = log_files_open(path, index);
		bool found = false;

		if (fd < 0)
			return errno == ENOENT ? 0 : err_sys(err, "open log '%s'", path);
		*ret_index = index;
		*ret_offset = 0;
		if (seek_in_file(fd, &lines, &found, ret_offset) < 0)
			return err_sys(err, "read log '%s'", path);
		if (found)
			return 0;
	}
	return 0;
}
