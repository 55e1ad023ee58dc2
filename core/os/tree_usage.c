/* Counting what a folder holds; declared in file.h.
 *
 * The content is not ours, as in tree.c: names are resolved inside the folder they were read from, no link is followed, no mount
 * entered. What lies deeper than USAGE_DEPTH is left out, so that descriptors and stack stay bounded. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"

enum { USAGE_DEPTH = 64 };

static int open_below(int dir_fd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};

	return (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
}

/* Takes fd. */
static int64_t usage_of(int fd, unsigned depth)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int64_t bytes = 0;

	if (!dir) {
		fd_closep(&fd);
		return 0;
	}
	while ((entry = readdir(dir))) {
		struct stat st;

		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..") ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < USAGE_DEPTH)
			bytes += usage_of(open_below(dirfd(dir), entry->d_name), depth + 1);
		else if (S_ISREG(st.st_mode))
			bytes += st.st_size / (int64_t)MAX(st.st_nlink, 1u);    /* its other names count the rest */
	}
	closedir(dir);
	return bytes;
}

int64_t dir_usage(const char *path)
{
	return usage_of(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), 0);
}
