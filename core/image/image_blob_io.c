#include "image/image_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "image/image_layout_io.h"
#include "image/image_store_own.h"
#include "os/file.h"

struct image_blob_reader {
	struct list link;
	struct image_store *store;
	char digest[SHA256_HEX_SIZE];
	image_blob_fn *fn;
	void *arg;
	bool is_busy, is_freed;

	/* Of the work thread, while it is busy. */
	int64_t at;
	int fd;
	ssize_t got;
	struct err err;
	char piece[IMAGE_BLOB_PIECE_BYTES];
};

static bool is_part(const struct image *image, const char *digest)
{
	bool is_one = str_eq(image->manifest, digest) || str_eq(image->id, digest);

	for (size_t i = 0; i < image->layer_count && !is_one; i++)
		is_one = str_eq(image->layers[i].blob, digest);
	return is_one && image->manifest[0];
}

int image_blob_open(struct image_store *store, const struct image *image, const char *digest, int64_t offset, struct image_blob_reader **ret,
		    struct err *err)
{
	if (!is_part(image, digest))
		return err_set(err, ERR_NOT_FOUND, "sha256:%.64s is no part of the image", digest);
	struct image_blob_reader *reader = malloc(sizeof *reader);
	check(reader);
	reader->store = store;
	reader->at = offset;
	reader->fd = -1;
	reader->is_busy = reader->is_freed = false;
	str_copy(reader->digest, sizeof reader->digest, digest);
	list_add_last(&store->readers, &reader->link);
	image_store_hold_blob(store, reader->digest);
	*ret = reader;
	return 0;
}

static void free_reader(struct image_blob_reader *reader)
{
	list_remove(&reader->link);
	image_store_drop_blob(reader->store, reader->digest);
	fd_closep(&reader->fd);
	free(reader);
}

static void run_next(void *arg)
{
	struct image_blob_reader *reader = arg;

	if (reader->fd < 0) {
		CLEANUP(str_freep) char *path = image_layout_blob_path(reader->store->dir, reader->digest);

		reader->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	do
		reader->got = pread(reader->fd, reader->piece, sizeof reader->piece, (off_t)reader->at);
	while (reader->got < 0 && errno == EINTR);
	if (reader->got < 0)
		err_sys(&reader->err, "read blob sha256:%s", reader->digest);
	else
		reader->at += reader->got;
}

static void done_next(void *arg)
{
	struct image_blob_reader *reader = arg;

	reader->is_busy = false;
	if (reader->is_freed)
		free_reader(reader);
	else
		reader->fn(reader->arg, reader->piece, reader->got < 0 ? 0 : (size_t)reader->got, reader->got < 0 ? &reader->err : NULL);
}

static void busy_next(void *arg)
{
	struct image_blob_reader *reader = arg;

	reader->got = -1;
	err_set(&reader->err, ERR_EXHAUSTED, "too much is waiting for the work threads");
	done_next(reader);
}

void image_blob_next(struct image_blob_reader *reader, image_blob_fn *fn, void *arg)
{
	check(!reader->is_busy && !reader->is_freed);
	reader->is_busy = true;
	reader->fn = fn;
	reader->arg = arg;
	if (!work_submit(reader->store->work, NULL, run_next, done_next, reader))
		loop_defer(reader->store->loop, busy_next, reader);
}

void image_blob_free(struct image_blob_reader *reader)
{
	if (!reader)
		return;
	reader->is_freed = true;
	if (!reader->is_busy)
		free_reader(reader);
}

void image_blob_close_all(struct image_store *store)
{
	LIST_EACH(item, &store->readers)
		free_reader(CONTAINER_OF(item, struct image_blob_reader, link));
}
