/* image_save.h - images as one archive, an OCI layout that also has Docker's manifest.json, made piece by piece while somebody reads it.
 *
 * Blobs go out as they came in, so that digests stay what they are; each is hashed on the way, and a damaged one ends the archive. What is being
 * saved is kept, whoever removes it meanwhile. The same images and names give the same bytes. The built-in image is refused: each host has its own.
 */
#pragma once
#include "base/err.h"
#include "image/image_store.h"

#define IMAGE_SAVE_PIECE_BYTES (256 * 1024)              /* at most, and a header */

struct image_save;
/* By Docker's rules: a name gives the image with that name, a repository alone all its tags, an id the image without names. platform: NULL or
 * "", or what the images must be for. Nothing is read yet. */
int image_save_begin(struct image_store *store, const char *const *names, size_t count, const char *platform, struct image_save **ret,
		     struct err *err);
/* Once, from the loop. count 0: the end. */
typedef void image_save_fn(void *arg, const void *bytes, size_t count, const struct err *err);
void image_save_next(struct image_save *save, image_save_fn *fn, void *arg);      /* one at a time */
void image_save_free(struct image_save *save);           /* at any time; NULL is welcome; fn is not called any more */
