#include "image/layer_folders_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "image/image_config.h"
#include "image/image_layout_io.h"
#include "image/tar.h"
#include "os/file.h"
#include "os/layer_mark.h"

enum { NAME_SIZE = 256 };                               /* of one folder, with its end */

struct stack {
	size_t count;
	int roots[IMAGE_CONFIG_MAX_LAYERS];              /* lowest first */
	struct map *notes[IMAGE_CONFIG_MAX_LAYERS];      /* paths the layer has unlisted */
};

void layer_folders_id(const char *const *diff_ids, size_t count, char ret_id[SHA256_HEX_SIZE])
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_add_str(&text, "folders of");
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, " %s", diff_ids[i]);
	sha256_hex(text.data, text.len, ret_id);
}

/* ---- looking ---------------------------------------------------------------------------------------------------------------- */

/* Whether the layer has such a folder. *ret_hides: whatever it has under that name, nothing of the layers below shows through. */
static bool ask(int root_fd, const char *path, bool *ret_hides, struct stat *ret)
{
	CLEANUP(fd_closep) int fd = dup(root_fd);

	*ret_hides = opaque_is_set(fd);
	for (size_t length; *path; path += length + (path[length] == '/')) {
		char name[NAME_SIZE] = "";

		length = strcspn(path, "/");
		if (length >= sizeof(name))
			return false;
		memcpy(name, path, length);
		int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0) {
			*ret_hides |= errno != ENOENT;
			return false;
		}
		close(fd);
		fd = next;
		*ret_hides |= opaque_is_set(fd);
	}
	return fstat(fd, ret) == 0;
}

/* What a container would see without us, and what it should: the folder of the highest layer that lists it. False: there is none. */
static bool look(const struct stack *stack, const char *path, struct stat *ret_is, struct stat *ret_should)
{
	bool has_one = false, hides = false;
	struct stat st;

	for (size_t i = stack->count; i-- > 0 && !hides;) {
		if (!ask(stack->roots[i], path, &hides, &st))
			continue;
		if (!has_one)
			*ret_is = *ret_should = st;
		has_one = true;
		if (map_get(stack->notes[i], path))
			continue;
		*ret_should = st;
		break;
	}
	return has_one;
}

static bool is_wrong(const struct stack *stack, const char *path)
{
	struct stat is, should;

	return look(stack, path, &is, &should) && (is.st_uid != should.st_uid || is.st_gid != should.st_gid || is.st_mode != should.st_mode);
}

/* ---- making ----------------------------------------------------------------------------------------------------------------- */

static int dress(int fd, const struct stat *st, struct err *err)
{
	struct timespec times[] = { st->st_atim, st->st_mtim };

	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 || futimens(fd, times) < 0)
		return err_sys(err, "owner, mode and time of a folder");
	return 0;
}

/* Calls fn for "a", "a/b", "a/b/c". */
static int each_on_the_way(const struct stack *stack, int root_fd, const char *path,
			   int (*fn)(const struct stack *stack, int root_fd, const char *path, struct err *err), struct err *err)
{
	CLEANUP(buf_finip) struct buf part = BUF_INIT;

	for (size_t length = 0; path[length];) {
		length += strcspn(path + length + 1, "/") + 1;
		buf_clear(&part);
		buf_add(&part, path, length);
		if (fn(stack, root_fd, buf_text(&part), err) < 0)
			return -1;
	}
	return 0;
}

static int make_one(const struct stack *stack, int root_fd, const char *path, struct err *err)
{
	(void)stack;
	return mkdirat(root_fd, path, 0700) < 0 && errno != EEXIST ? err_sys(err, "make a folder") : 0;
}

static int dress_one(const struct stack *stack, int root_fd, const char *path, struct err *err)
{
	CLEANUP(fd_closep) int fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat is, should;

	if (fd < 0)
		return err_sys(err, "open a folder");
	return look(stack, path, &is, &should) ? dress(fd, &should, err) : 0;
}

/* Times come last: whatever is made in a folder changes its. */
static int make_all(const struct stack *stack, const struct map *wrong, const char *stage, struct err *err)
{
	CLEANUP(fd_closep) int fd = open(stage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	const char *path;
	void *value;

	if (fd < 0 || fstat(stack->roots[stack->count - 1], &st) < 0)
		return err_sys(err, "open '%s'", stage);
	for (size_t at = 0; map_next(wrong, &at, &path, &value);)
		if (each_on_the_way(stack, fd, path, make_one, err) < 0)
			return -1;
	for (size_t at = 0; map_next(wrong, &at, &path, &value);)
		if (each_on_the_way(stack, fd, path, dress_one, err) < 0)
			return -1;
	if (dress(fd, &st, err) < 0)
		return -1;
	return syncfs(fd) < 0 ? err_sys(err, "write to disk") : 0;
}

/* ---- the layers ------------------------------------------------------------------------------------------------------------- */

/* The note was written by a process that had read a stranger's archive. */
static int read_note(const char *dir, const char *diff_id, struct map *ret, struct err *err)
{
	CLEANUP(str_freep) char *path = str_printf("%s/layers/%s/" LAYER_FOLDERS_NOTE, dir, diff_id);
	CLEANUP(buf_finip) struct buf text = BUF_INIT, clean = BUF_INIT;
	struct err ignored;

	if (!file_exists(path))
		return 0;
	if (file_read(path, LAYER_FOLDERS_MAX_BYTES, &text, err) < 0)
		return -1;
	for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
		if (tar_path_clean(text.data + at, &clean, &ignored) == 0 && clean.len)
			map_put(ret, buf_text(&clean), ret);
	return 0;
}

static int open_layer(struct stack *stack, const char *dir, const char *diff_id, struct err *err)
{
	CLEANUP(str_freep) char *root = image_layout_layer_root(dir, diff_id);
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open '%s'", root);
	stack->roots[stack->count] = fd;
	stack->notes[stack->count] = map_new();
	return read_note(dir, diff_id, stack->notes[stack->count++], err);
}

static void find_wrong(const struct stack *stack, struct map *ret)
{
	const char *path;
	void *value;

	for (size_t i = 1; i < stack->count; i++)        /* below the lowest there is nobody to ask */
		for (size_t at = 0; map_next(stack->notes[i], &at, &path, &value);)
			if (!map_get(ret, path) && is_wrong(stack, path))
				map_put(ret, path, ret);
}

int layer_folders_make(const char *dir, const char *const *diff_ids, size_t count, const char *stage, bool *ret_is_needed, struct err *err)
{
	struct map *wrong = map_new();
	struct stack stack = { 0 };
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++)
		result = open_layer(&stack, dir, diff_ids[i], err);
	if (result == 0)
		find_wrong(&stack, wrong);
	*ret_is_needed = map_count(wrong) > 0;
	if (result == 0 && *ret_is_needed)
		result = make_all(&stack, wrong, stage, err);
	for (size_t i = 0; i < stack.count; i++) {
		close(stack.roots[i]);
		map_free(stack.notes[i]);
	}
	map_free(wrong);
	return result;
}
