/* image_load.h - takes the images of an archive into the store while its bytes arrive: `docker save`, skopeo's docker-archive, OCI layouts in a tar;
 * plain, gzip, zstd.
 *
 * The bytes go straight to a confined child, which keeps each file of the archive under its digest and answers which images they make up; from
 * there on it is an intake (image_intake.h). All images of the archive come in, or none.
 */
#pragma once
#include "base/err.h"
#include "image/image_intake.h"

struct image_loaded { char id[SHA256_HEX_SIZE]; struct strlist names; };         /* names: familiar, "nginx:1.27" */

struct image_load_events {
	void (*on_writable)(void *arg);                  /* image_load_feed had said "full"; go on */
	/* A layer that is being unpacked has got on, or is done; may be NULL. Good until it returns. */
	void (*on_layer)(void *arg, const struct image_intake_layer *layer);
	/* Once, from the loop. The load is gone afterwards: neither feed, finish nor abort it. */
	void (*on_done)(void *arg, const struct image_loaded *loaded, size_t count, const struct err *err);
};

struct image_load;
/* platform: NULL or "": this host's is chosen from indexes, and images for other machines come along. */
int image_load_begin(struct image_store *store, const char *platform, const struct image_load_events *events, void *arg,
		     struct image_load **ret, struct err *err);
/* As image_import_feed: copies; false: enough queued. */
bool image_load_feed(struct image_load *load, const void *bytes, size_t count);
void image_load_finish(struct image_load *load);         /* that was all */
void image_load_abort(struct image_load *load);          /* no callback comes; nothing is left, unless it was just being finished */
