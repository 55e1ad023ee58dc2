/* image_import.h - makes an image of a root file system tar (plain, gzip, zstd; told by its first bytes) while the bytes arrive.
 *
 * The bytes go straight to a child process without rights (cmd_unpack), which unpacks, hashes and answers with one line; nothing of the archive
 * is parsed in the agent. Deterministic: id and manifest digest depend on the tar, the options and nothing else; "created" is the newest
 * time in the tar. The same tar compressed differently is the same image (the id hashes the uncompressed bytes).
 */
#pragma once
#include "base/err.h"
#include "image/image_store.h"

struct image_import_options {
	const char *ref;                                 /* NULL or "": untagged */
	const char *message;                             /* NULL or "": none */
	const char *platform;                            /* NULL or "": this host's; "linux/arm64/v8" */
	const char *const *changes;                      /* image_changes.h */
	size_t change_count;
};

struct image_import_events {
	void (*on_writable)(void *arg);                  /* image_import_feed had said "full"; go on */
	/* Once, from the loop; id "sha256:…" on success, else err. The import is gone afterwards: neither feed, finish nor abort it. */
	void (*on_done)(void *arg, const char *id, const struct err *err);
};

struct image_import;
#define IMAGE_IMPORTS_MAX 8                              /* at one time; more are ERR_EXHAUSTED */
#define IMAGE_IMPORT_FEED_MAX (512 * 1024)               /* bytes of one feed */

int image_import_begin(struct image_store *store, const struct image_import_options *options, const struct image_import_events *events,
		       void *arg, struct image_import **ret, struct err *err);
/* Copies. False: enough queued, stop reading the body until on_writable. Bytes after a failure are dropped: on_done is on its way. */
bool image_import_feed(struct image_import *import, const void *bytes, size_t count);
void image_import_finish(struct image_import *import);   /* that was all */
void image_import_abort(struct image_import *import);    /* no callback comes; nothing is left, unless it was just being finished */
