#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/panic.h"
#include "image/image_layout_io.h"
#include "image/image_platform.h"
#include "image/image_save.h"
#include "image/image_store_own.h"
#include "image/save_plan.h"
#include "image/tar.h"
#include "os/file.h"

enum save_step { SAVE_HEADER, SAVE_CONTENT, SAVE_END };

struct image_save {
	struct list link;
	struct image_store *store;
	struct save_plan plan;
	bool is_busy, is_freed;
	image_save_fn *fn;
	void *arg;

	/* Of the work thread, while it is busy. */
	size_t at;
	enum save_step step;
	int fd;
	int64_t bytes, done;
	struct sha256 sum;
	struct buf piece;
	bool has_failed;
	struct err err;
};

static void free_save(struct image_save *save)
{
	list_remove(&save->link);
	for (size_t i = 0; i < save->plan.count; i++)
		if (save->plan.files[i].digest[0])
			image_store_drop_blob(save->store, save->plan.files[i].digest);
	save_plan_fini(&save->plan);
	fd_closep(&save->fd);
	buf_fini(&save->piece);
	free(save);
}

int image_save_begin(struct image_store *store, const char *const *names, size_t count, const char *platform, struct image_save **ret,
		     struct err *err)
{
	struct image_platform wanted;
	struct save_plan plan;

	if (image_platform_parse(platform, &wanted, err) < 0)
		return err_wrap(err, "invalid platform");
	if (save_plan_make(&store->set, names, count, str_is_empty(platform) ? NULL : &wanted, &plan, err) < 0)
		return -1;
	struct image_save *save = NEW(struct image_save);
	*save = (struct image_save){ .store = store, .plan = plan, .fd = -1 };
	list_add_last(&store->saves, &save->link);
	for (size_t i = 0; i < plan.count; i++)
		if (plan.files[i].digest[0])
			image_store_hold_blob(store, plan.files[i].digest);
	*ret = save;
	return 0;
}

/* ---- on the work thread ----------------------------------------------------------------------------------------------------- */

static int open_blob(struct image_save *save, const struct save_file *file, struct err *err)
{
	CLEANUP(str_freep) char *path = image_layout_blob_path(save->store->dir, file->digest);
	struct stat st;

	save->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (save->fd < 0 || fstat(save->fd, &st) < 0)
		return err_sys(err, "open blob sha256:%s", file->digest);
	save->bytes = st.st_size;
	sha256_init(&save->sum);
	return 0;
}

static int put_header(struct image_save *save, const struct save_file *file, struct err *err)
{
	uint8_t block[TAR_BLOCK];

	save->done = 0;
	save->bytes = file->is_folder ? 0 : (int64_t)file->text.len;
	if (file->digest[0] && open_blob(save, file, err) < 0)
		return -1;
	tar_header_format(file->path, file->is_folder ? TAR_DIR : TAR_FILE, file->is_folder ? 0755 : 0644, save->bytes, 0, block);
	buf_add(&save->piece, block, sizeof(block));
	save->step = SAVE_CONTENT;
	return 0;
}

static int put_blob(struct image_save *save, const struct save_file *file, struct err *err)
{
	size_t want = (size_t)MIN(save->bytes - save->done, (int64_t)(IMAGE_SAVE_PIECE_BYTES - save->piece.len));
	ssize_t got;

	buf_reserve(&save->piece, want);
	do
		got = read(save->fd, save->piece.data + save->piece.len, want);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(err, "read blob sha256:%s", file->digest);
	if (got == 0 && want)
		return err_set(err, ERR_IO, "blob sha256:%s became shorter while it was read", file->digest);
	sha256_add(&save->sum, save->piece.data + save->piece.len, (size_t)got);
	save->piece.len += (size_t)got;
	save->done += got;
	return 0;
}

static int check_blob(struct image_save *save, const struct save_file *file, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];

	fd_closep(&save->fd);
	sha256_finish(&save->sum, digest);
	hex_encode(digest, sizeof(digest), hex);
	if (!str_eq(hex, file->digest))
		return err_set(err, ERR_IO, "blob sha256:%s is damaged: its content has the digest sha256:%s", file->digest, hex);
	return 0;
}

static int put_content(struct image_save *save, const struct save_file *file, struct err *err)
{
	static const uint8_t zero[TAR_BLOCK];

	if (file->digest[0]) {
		if (save->done < save->bytes && put_blob(save, file, err) < 0)
			return -1;
		if (save->done < save->bytes)
			return 0;
		if (check_blob(save, file, err) < 0)
			return -1;
	} else {
		buf_add(&save->piece, buf_text(&file->text), file->text.len);
	}
	buf_add(&save->piece, zero, (size_t)((TAR_BLOCK - save->bytes % TAR_BLOCK) % TAR_BLOCK));
	save->at++;
	save->step = SAVE_HEADER;
	return 0;
}

static int put_some(struct image_save *save, struct err *err)
{
	static const uint8_t zero[2 * TAR_BLOCK];

	while (save->piece.len < IMAGE_SAVE_PIECE_BYTES / 2) {
		if (save->step == SAVE_END)
			return 0;
		if (save->at == save->plan.count) {
			buf_add(&save->piece, zero, sizeof(zero));
			save->step = SAVE_END;
			return 0;
		}
		const struct save_file *file = &save->plan.files[save->at];
		if ((save->step == SAVE_HEADER ? put_header(save, file, err) : put_content(save, file, err)) < 0)
			return -1;
	}
	return 0;
}

static void run_next(void *arg)
{
	struct image_save *save = arg;

	buf_clear(&save->piece);
	save->has_failed = put_some(save, &save->err) < 0;
}

/* ----------------------------------------------------------------------------------------------------------------------------- */

static void done_next(void *arg)
{
	struct image_save *save = arg;

	save->is_busy = false;
	if (save->is_freed)
		free_save(save);
	else if (save->has_failed)
		save->fn(save->arg, NULL, 0, &save->err);
	else
		save->fn(save->arg, save->piece.data, save->piece.len, NULL);
}

static void busy_next(void *arg)
{
	struct image_save *save = arg;

	save->has_failed = true;
	err_set(&save->err, ERR_EXHAUSTED, "too much is waiting for the work threads");
	done_next(save);
}

void image_save_next(struct image_save *save, image_save_fn *fn, void *arg)
{
	check(!save->is_busy && !save->is_freed);
	save->is_busy = true;
	save->fn = fn;
	save->arg = arg;
	if (!work_submit(save->store->work, NULL, run_next, done_next, save))
		loop_defer(save->store->loop, busy_next, save);
}

void image_save_free(struct image_save *save)
{
	if (!save)
		return;
	save->is_freed = true;
	if (!save->is_busy)
		free_save(save);
}

void image_save_close_all(struct image_store *store)
{
	LIST_EACH(item, &store->saves)
		free_save(CONTAINER_OF(item, struct image_save, link));
}
