/* image_blob.h - one blob of an image, read piece by piece as it lies there, for another node.
 *
 * It is kept while it is read, whoever removes the image meanwhile. Nothing is hashed: whoever gets it does that.
 */
#pragma once
#include "base/err.h"
#include "image/image_store.h"

#define IMAGE_BLOB_PIECE_BYTES (64 * 1024)

struct image_blob_reader;
/* digest: of the image's manifest, configuration or one of its layers, in hex; ERR_NOT_FOUND for every other. From offset on. */
int image_blob_open(struct image_store *store, const struct image *image, const char *digest, int64_t offset, struct image_blob_reader **ret,
		    struct err *err);
/* Once, from the loop. count 0: the end. */
typedef void image_blob_fn(void *arg, const void *bytes, size_t count, const struct err *err);
void image_blob_next(struct image_blob_reader *reader, image_blob_fn *fn, void *arg);    /* one at a time */
void image_blob_free(struct image_blob_reader *reader);  /* at any time; NULL is welcome; fn is not called any more */
