#include "image/unpack_place_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "image/layer_folders_io.h"
#include "image/tar.h"
#include "os/file.h"
#include "os/layer_mark.h"

void unpack_places_init(struct unpack_places *places, int root_fd)
{
	*places = (struct unpack_places){ .root_fd = root_fd, .folder_fd = -1 };
}

static void forget_folder(struct unpack_places *places)
{
	fd_closep(&places->folder_fd);
	places->folder_fd = -1;
	buf_clear(&places->folder);
}

void unpack_places_fini(struct unpack_places *places)
{
	forget_folder(places);
	buf_fini(&places->folder);
}

/* EAGAIN says that something was renamed meanwhile; nothing of ours does that, so it passes. */
static int open_in_root(int root_fd, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd;

	do
		fd = (int)syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd;
}

int unpack_places_open(const struct unpack_places *places, const char *path, int flags)
{
	return open_in_root(places->root_fd, path, flags | O_NOFOLLOW);
}

/* One step down. A folder is opened where it is; a link is followed from the root, by the whole path up to here. */
static int step_down(const struct unpack_places *places, int at_fd, const char *name, const char *whole)
{
	int fd = openat(at_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 || (errno != ENOTDIR && errno != ELOOP))
		return fd;
	return open_in_root(places->root_fd, whole, O_PATH | O_DIRECTORY);
}

/* The layer hides a name and has things below it: a folder that lower layers' things are not seen in. */
static int uncover(const struct unpack_places *places, int at_fd, const char *name, struct err *err)
{
	if (unlinkat(at_fd, name, 0) < 0 || mkdirat(at_fd, name, 0755) < 0 || fchmodat(at_fd, name, 0755, 0) < 0)
		return err_sys(err, "a folder in place of a whiteout");
	CLEANUP(fd_closep) int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open") : places->on_uncovered(places->arg, fd, err);
}

/* A name that is noted twice counts twice: it was taken away in between. */
static int note_unlisted(struct unpack_places *places, const char *path, struct err *err)
{
	map_put(places->unlisted, path, places);
	places->unlisted_bytes += strlen(path) + 1;
	if (places->unlisted_bytes > LAYER_FOLDERS_MAX_BYTES)
		return err_set(err, ERR_INVALID, "the names of folders without an entry of their own take more than %d bytes", LAYER_FOLDERS_MAX_BYTES);
	return 0;
}

static int make_and_step(struct unpack_places *places, int at_fd, const char *name, const char *whole, struct err *err)
{
	char shown[TAR_SHOW_SIZE];
	int fd = step_down(places, at_fd, name, whole);

	if (fd < 0 && errno == ENOTDIR && places->on_uncovered && whiteout_is(at_fd, name)) {
		if (uncover(places, at_fd, name, err) < 0)
			return err_wrap(err, "folder '%s'", tar_show(whole, shown));
		fd = step_down(places, at_fd, name, whole);
	}
	if (fd < 0 && errno == ENOENT && mkdirat(at_fd, name, 0755) == 0) {
		if (fchmodat(at_fd, name, 0755, 0) < 0)          /* whatever the umask */
			return err_sys(err, "folder '%s'", tar_show(whole, shown));
		if (places->unlisted && note_unlisted(places, whole, err) < 0)
			return -1;
		fd = step_down(places, at_fd, name, whole);
	}
	if (fd < 0 && errno == EEXIST)
		return err_set(err, ERR_INVALID, "'%s' is a link that leads to no folder", tar_show(whole, shown));
	return fd < 0 ? err_sys(err, "folder '%s'", tar_show(whole, shown)) : fd;
}

/* Walks to the folder, making what is missing. path is the folder's. */
static int walk(struct unpack_places *places, const char *path, int *ret_fd, struct err *err)
{
	CLEANUP(buf_finip) struct buf whole = BUF_INIT;
	CLEANUP(fd_closep) int at_fd = open_in_root(places->root_fd, "", O_PATH | O_DIRECTORY);

	if (at_fd < 0)
		return err_sys(err, "open the root");
	while (*path) {
		size_t length = strcspn(path, "/");

		if (whole.len)
			buf_add_char(&whole, '/');
		size_t start = whole.len;
		buf_add(&whole, path, length);
		int next = make_and_step(places, at_fd, whole.data + start, whole.data, err);
		if (next < 0)
			return -1;
		close(at_fd);
		at_fd = next;
		path += length + (path[length] == '/');
	}
	*ret_fd = fd_take(&at_fd);
	return 0;
}

int unpack_places_find(struct unpack_places *places, const char *path, int *ret_folder_fd, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	*ret_name = slash ? slash + 1 : path;
	if (places->folder_fd < 0 || places->folder.len != length || memcmp(buf_text(&places->folder), path, length) != 0) {
		forget_folder(places);
		buf_add(&places->folder, path, length);
		if (walk(places, buf_text(&places->folder), &places->folder_fd, err) < 0)
			return -1;
	}
	*ret_folder_fd = places->folder_fd;
	return 0;
}

int unpack_places_clear(struct unpack_places *places, int folder_fd, const char *name, bool keeps_folder, bool *ret_kept, struct err *err)
{
	struct stat st;

	*ret_kept = false;
	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "look");
	if (keeps_folder && S_ISDIR(st.st_mode)) {
		*ret_kept = true;
		return 0;
	}
	if (dir_remove_tree_at(folder_fd, name, err) < 0)
		return -1;
	/* What was kept open may have been below: the caller's copy is the one to go on with. */
	buf_clear(&places->folder);
	buf_add_char(&places->folder, '/');          /* no clean path begins so: the next one walks again */
	return 0;
}
