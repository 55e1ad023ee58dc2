#include "image/unpack_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/panic.h"
#include "base/str.h"
#include "image/unpack_place_io.h"
#include "os/file.h"
#include "os/layer_mark.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
enum { FOLDER_BYTES_MAX = 128 * 1024 * 1024, XATTR_BYTES_MAX = 4 * TAR_META_MAX };

/* The time of a folder, set when nothing is written into it any more. Its path follows in folder_paths. */
struct folder_time { int64_t s; uint32_t ns; size_t path; };

struct unpack {
	struct unpack_limits limits;
	unpack_opaque_fn *on_opaque;
	void *arg;
	struct unpack_places places;
	struct unpack_stats stats;
	struct buf path, link;                           /* clean, of the entry under way */
	char shown[TAR_SHOW_SIZE];

	int file_fd;                                     /* the file under way; -1 */
	struct tar_entry file;                           /* its xattrs are copied to `copies` */
	struct arena copies;

	struct buf folder_paths;
	struct folder_time *folders;
	size_t folder_count, folder_size;
};

static int on_entry(void *arg, const struct tar_entry *entry, struct err *err);
static int on_data(void *arg, int64_t offset, const uint8_t *bytes, size_t count, struct err *err);
static int on_end(void *arg, struct err *err);
const struct tar_events unpack_events = { on_entry, on_data, on_end };

struct unpack *unpack_new(int root_fd, struct unpack_limits limits, unpack_opaque_fn *on_opaque, void *arg)
{
	struct unpack *u = NEW(struct unpack);

	u->limits = limits;
	if (u->limits.max_entries == 0)
		u->limits.max_entries = UNPACK_ENTRIES_MAX;
	u->on_opaque = on_opaque;
	u->arg = arg;
	u->file_fd = -1;
	u->folder_paths.ceiling = FOLDER_BYTES_MAX;
	unpack_places_init(&u->places, root_fd);
	u->places.on_uncovered = on_opaque;
	u->places.arg = arg;
	u->places.unlisted = on_opaque ? map_new() : NULL;
	arena_init(&u->copies, "attributes of a file", XATTR_BYTES_MAX);
	return u;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	unpack_places_fini(&u->places);
	map_free(u->places.unlisted);
	fd_closep(&u->file_fd);
	arena_fini(&u->copies);
	buf_fini(&u->path);
	buf_fini(&u->link);
	buf_fini(&u->folder_paths);
	free(u->folders);
	free(u);
}

/* ---- attributes ------------------------------------------------------------------------------------------------------------- */

static bool is_portable_xattr(const char *name)
{
	if (str_starts(name, "user.overlay."))       /* overlayfs would believe it */
		return false;
	return str_starts(name, "user.") || str_eq(name, "security.capability") || str_eq(name, "system.posix_acl_access") ||
	       str_eq(name, "system.posix_acl_default");
}

static void count_skipped(struct unpack *u, const char *name)
{
	if (u->stats.xattrs_skipped++ == 0)
		str_copy(u->stats.xattr_skipped, sizeof(u->stats.xattr_skipped), name);
}

static int set_xattrs(struct unpack *u, int fd, const struct tar_entry *entry, struct err *err)
{
	char shown[TAR_SHOW_SIZE];

	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct tar_xattr *x = &entry->xattrs[i];

		if (!is_portable_xattr(x->name)) {
			count_skipped(u, x->name);
		} else if (fsetxattr(fd, x->name, x->value, x->bytes, 0) < 0) {
			if (errno != ENOTSUP)
				return err_sys(err, "attribute '%s'", tar_show(x->name, shown));
			count_skipped(u, x->name);
		}
	}
	return 0;
}

static void fill_times(const struct tar_entry *entry, struct timespec ret[2])
{
	ret[0] = ret[1] = (struct timespec){ .tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns };
}

/* Owner first: it takes setuid bits and capabilities away. */
static int finish_file(struct unpack *u, struct err *err)
{
	struct timespec times[2];
	const struct tar_entry *f = &u->file;

	fill_times(f, times);
	if (ftruncate(u->file_fd, f->size_bytes) < 0)
		return err_sys(err, "size of %lld bytes", (long long)f->size_bytes);
	if (fchown(u->file_fd, f->uid, f->gid) < 0)
		return err_sys(err, "owner");
	if (fchmod(u->file_fd, f->mode) < 0)
		return err_sys(err, "mode");
	if (set_xattrs(u, u->file_fd, f, err) < 0)
		return -1;
	return futimens(u->file_fd, times) < 0 ? err_sys(err, "time") : 0;
}

/* Of a device, fifo or link, which cannot be opened for this. */
static int finish_node(struct unpack *u, int folder_fd, const char *name, const struct tar_entry *entry, struct err *err)
{
	struct timespec times[2];

	fill_times(entry, times);
	if (fchownat(folder_fd, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "owner");
	if (entry->kind != TAR_SYMLINK && fchmodat(folder_fd, name, entry->mode, 0) < 0)
		return err_sys(err, "mode");
	for (size_t i = 0; i < entry->xattr_count; i++)
		count_skipped(u, entry->xattrs[i].name);
	return utimensat(folder_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? err_sys(err, "time") : 0;
}

static int remember_folder(struct unpack *u, const struct tar_entry *entry, struct err *err)
{
	if (u->folder_count == u->folder_size) {
		u->folder_size = MAX(2 * u->folder_size, (size_t)64);
		u->folders = mem_resize(u->folders, u->folder_size, sizeof(*u->folders));
	}
	u->folders[u->folder_count++] = (struct folder_time){ entry->mtime_s, entry->mtime_ns, u->folder_paths.len };
	buf_add(&u->folder_paths, buf_text(&u->path), u->path.len + 1);
	if (u->folder_paths.overflowed)
		return err_set(err, ERR_INVALID, "the folders' names take more than %d bytes", FOLDER_BYTES_MAX);
	return 0;
}

static int finish_folder(struct unpack *u, int fd, const struct tar_entry *entry, struct err *err)
{
	if (fchown(fd, entry->uid, entry->gid) < 0)
		return err_sys(err, "owner");
	if (fchmod(fd, entry->mode) < 0)
		return err_sys(err, "mode");
	if (set_xattrs(u, fd, entry, err) < 0)
		return -1;
	return remember_folder(u, entry, err);
}

/* ---- entries ---------------------------------------------------------------------------------------------------------------- */

static void keep_for_later(struct unpack *u, const struct tar_entry *entry)
{
	struct tar_xattr *copies = ARENA_ARRAY(&u->copies, struct tar_xattr, entry->xattr_count);

	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct tar_xattr *x = &entry->xattrs[i];
		copies[i] = (struct tar_xattr){ arena_strdup(&u->copies, x->name), arena_strndup(&u->copies, x->value, x->bytes), x->bytes };
	}
	u->file = *entry;
	u->file.path = u->file.link = "";
	u->file.xattrs = copies;
}

static int make_file(struct unpack *u, int folder_fd, const char *name, const struct tar_entry *entry, struct err *err)
{
	u->file_fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (u->file_fd < 0)
		return err_sys(err, "create");
	keep_for_later(u, entry);
	return 0;
}

static int make_folder(struct unpack *u, int folder_fd, const char *name, bool exists, const struct tar_entry *entry, struct err *err)
{
	if (!exists && mkdirat(folder_fd, name, 0700) < 0)
		return err_sys(err, "create");
	if (u->places.unlisted)
		map_remove(u->places.unlisted, buf_text(&u->path));
	CLEANUP(fd_closep) int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open") : finish_folder(u, fd, entry, err);
}

static int make_node(struct unpack *u, int folder_fd, const char *name, mode_t type, const struct tar_entry *entry, struct err *err)
{
	bool is_whiteout = entry->kind == TAR_CHAR_DEVICE && entry->major == 0 && entry->minor == 0;

	if (is_whiteout)                             /* overlayfs would take it for one */
		return err_set(err, ERR_INVALID, "a character device 0,0");
	if (mknodat(folder_fd, name, type | 0600, makedev(entry->major, entry->minor)) < 0)
		return err_sys(err, "create");
	return finish_node(u, folder_fd, name, entry, err);
}

/* The folder a hard link's target is in; links on the way lead to places inside the root, the target itself is not followed. */
static int open_target(struct unpack *u, const char **ret_name, struct err *err)
{
	CLEANUP(buf_finip) struct buf folder = BUF_INIT;
	const char *path = buf_text(&u->link), *slash = strrchr(path, '/');
	char shown[TAR_SHOW_SIZE];

	if (slash)
		buf_add(&folder, path, (size_t)(slash - path) + 1);
	buf_add_char(&folder, '.');
	*ret_name = slash ? slash + 1 : path;
	int fd = unpack_places_open(&u->places, buf_text(&folder), O_PATH | O_DIRECTORY);
	return fd < 0 ? err_sys(err, "hard link to '%s'", tar_show(path, shown)) : fd;
}

static int make_hard_link(struct unpack *u, int folder_fd, const char *name, const struct tar_entry *entry, struct err *err)
{
	struct stat there, target;
	const char *target_name;
	char shown[TAR_SHOW_SIZE];
	bool kept;

	if (tar_path_clean(entry->link, &u->link, err) < 0 || u->link.len == 0)
		return err_set(err, ERR_INVALID, "its hard link target '%s' is outside of the root, or the root", tar_show(entry->link, shown));
	CLEANUP(fd_closep) int target_fd = open_target(u, &target_name, err);
	if (target_fd < 0)
		return -1;
	if (u->on_opaque && whiteout_is(target_fd, target_name))
		return err_set(err, ERR_INVALID, "hard link to '%s', which this layer removes", tar_show(entry->link, shown));
	if (fstatat(target_fd, target_name, &target, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "hard link to '%s'", tar_show(entry->link, shown));
	if (fstatat(folder_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == target.st_ino && there.st_dev == target.st_dev)
		return 0;                            /* to itself, by this or another way */
	if (unpack_places_clear(&u->places, folder_fd, name, false, &kept, err) < 0)
		return -1;
	if (linkat(target_fd, target_name, folder_fd, name, 0) < 0)
		return err_sys(err, "hard link to '%s'", tar_show(entry->link, shown));
	return 0;
}

/* ---- whiteouts of layers ---------------------------------------------------------------------------------------------------- */

static int make_opaque(struct unpack *u, int folder_fd, const char *name, struct err *err)
{
	CLEANUP(fd_closep) int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(err, "open") : u->on_opaque(u->arg, fd, err);
}

/* ".wh..wh.plnk" and its like, and whatever is in them. */
static bool is_aufs_note(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (str_starts(at, WHITEOUT_META) && !str_eq(at, WHITEOUT_OPAQUE))
			return true;
	}
	return false;
}

/* A folder that this layer also has: what lower layers have in it is gone, which is what an opaque folder says. Any other name that it also has
 * covers the lower ones by itself. */
static int make_whiteout(struct unpack *u, int folder_fd, const char *name, struct err *err)
{
	const char *hidden = name + strlen(WHITEOUT);
	struct stat st;

	if (str_eq(name, WHITEOUT_OPAQUE))
		return make_opaque(u, folder_fd, ".", err);
	if (!*hidden || str_eq(hidden, ".") || str_eq(hidden, ".."))
		return err_set(err, ERR_INVALID, "a whiteout of nothing");
	if (fstatat(folder_fd, hidden, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return whiteout_make(folder_fd, hidden) < 0 ? err_sys(err, "whiteout") : 0;
	return S_ISDIR(st.st_mode) ? make_opaque(u, folder_fd, hidden, err) : 0;
}

/* ---- events ----------------------------------------------------------------------------------------------------------------- */

static int make_entry(struct unpack *u, const struct tar_entry *entry, struct err *err)
{
	const char *name;
	bool kept, hides_lower;
	int folder_fd;

	if (u->on_opaque && is_aufs_note(buf_text(&u->path)))
		return 0;
	if (unpack_places_find(&u->places, buf_text(&u->path), &folder_fd, &name, err) < 0)
		return -1;
	if (u->on_opaque && str_starts(name, WHITEOUT))
		return make_whiteout(u, folder_fd, name, err);
	if (entry->kind == TAR_HARDLINK)
		return make_hard_link(u, folder_fd, name, entry, err);
	hides_lower = u->on_opaque && entry->kind == TAR_DIR && whiteout_is(folder_fd, name);
	if (unpack_places_clear(&u->places, folder_fd, name, entry->kind == TAR_DIR, &kept, err) < 0)
		return -1;
	switch (entry->kind) {
	case TAR_FILE:
		return make_file(u, folder_fd, name, entry, err);
	case TAR_DIR:
		if (make_folder(u, folder_fd, name, kept, entry, err) < 0)
			return -1;
		return hides_lower ? make_opaque(u, folder_fd, name, err) : 0;
	case TAR_SYMLINK:
		if (symlinkat(entry->link, folder_fd, name) < 0)
			return err_sys(err, "create");
		u->stats.data_bytes += (int64_t)strlen(entry->link);    /* as Docker counts, and lstat(2) */
		return finish_node(u, folder_fd, name, entry, err);
	case TAR_CHAR_DEVICE:
		return make_node(u, folder_fd, name, S_IFCHR, entry, err);
	case TAR_BLOCK_DEVICE:
		return make_node(u, folder_fd, name, S_IFBLK, entry, err);
	case TAR_FIFO:
		return make_node(u, folder_fd, name, S_IFIFO, entry, err);
	case TAR_HARDLINK:
		break;
	}
	panic("no such kind: %d", (int)entry->kind);
}

static int set_root(struct unpack *u, const struct tar_entry *entry, struct err *err)
{
	if (entry->kind != TAR_DIR)
		return err_set(err, ERR_INVALID, "the root can only be a folder");
	CLEANUP(fd_closep) int fd = unpack_places_open(&u->places, "", O_RDONLY | O_DIRECTORY);
	return fd < 0 ? err_sys(err, "open") : finish_folder(u, fd, entry, err);
}

static int on_entry(void *arg, const struct tar_entry *entry, struct err *err)
{
	struct unpack *u = arg;

	if (++u->stats.entries > u->limits.max_entries)
		return err_set(err, ERR_INVALID, "the archive has more than %lld entries", (long long)u->limits.max_entries);
	if (tar_path_clean(entry->path, &u->path, err) < 0)
		return -1;
	tar_show(entry->path, u->shown);
	int result = u->path.len ? make_entry(u, entry, err) : set_root(u, entry, err);
	return result < 0 ? err_wrap(err, "entry '%s'", u->shown) : 0;
}

static int on_data(void *arg, int64_t offset, const uint8_t *bytes, size_t count, struct err *err)
{
	struct unpack *u = arg;

	u->stats.data_bytes += (int64_t)count;
	if (u->stats.data_bytes > u->limits.max_bytes)
		return err_set(err, ERR_INVALID, "the archive unpacks to more than %lld bytes", (long long)u->limits.max_bytes);
	while (count && u->file_fd >= 0) {           /* -1: of a whiteout, whose content says nothing */
		ssize_t done = pwrite(u->file_fd, bytes, count, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(err, "entry '%s': write", u->shown);
		bytes += done;
		offset += done;
		count -= (size_t)done;
	}
	return 0;
}

static int on_end(void *arg, struct err *err)
{
	struct unpack *u = arg;
	int fd = u->file_fd, result;

	if (fd < 0)                                  /* a whiteout, which is a file without content */
		return 0;
	result = finish_file(u, err);
	u->file_fd = -1;
	if (close(fd) < 0 && result == 0)
		result = err_sys(err, "write");
	arena_fini(&u->copies);
	return result < 0 ? err_wrap(err, "entry '%s'", u->shown) : 0;
}

/* A name that is no folder any more, because a later entry replaced it or what leads there, needs no time. */
int unpack_finish(struct unpack *u, struct unpack_stats *ret, struct err *err)
{
	for (size_t i = 0; i < u->folder_count; i++) {
		const struct folder_time *f = &u->folders[i];
		struct timespec times[2] = { { .tv_sec = f->s, .tv_nsec = f->ns }, { .tv_sec = f->s, .tv_nsec = f->ns } };
		CLEANUP(fd_closep) int fd = unpack_places_open(&u->places, u->folder_paths.data + f->path, O_RDONLY | O_DIRECTORY);

		if (fd >= 0 && futimens(fd, times) < 0)
			return err_sys(err, "time of folder '%s'", tar_show(u->folder_paths.data + f->path, u->shown));
	}
	*ret = u->stats;
	return 0;
}

void unpack_list_unlisted(const struct unpack *u, struct buf *out)
{
	const char *path;
	void *value;

	for (size_t at = 0; u->places.unlisted && map_next(u->places.unlisted, &at, &path, &value);)
		buf_add(out, path, strlen(path) + 1);
}
