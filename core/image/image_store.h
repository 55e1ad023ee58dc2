/* image_store.h - the images of this host: which there are, what they are called, where their unpacked layers lie.
 *
 * An OCI image layout (image-spec 1.1) at <data root>/images: oci-layout, index.json (the one truth: which manifests, under which names),
 * blobs/sha256/<hex>; beside it layers/<diff id>/root, each layer unpacked once (and one more for images that need it, layer_folders_io.h), and
 * staging/ for what is being made. Every step is a rename of something whole and synced, and index.json is written last: killed anywhere, the
 * store has the old or the new state, and the next open or sweep removes the rest. The blob of a layer is kept as it was received (compressed or
 * not): its digest is the one in the manifest, and the same bytes go to other nodes and into `save`.
 *
 * Lives on the loop's thread. Reading is from memory; writing goes to the work threads one change at a time, in order; archives
 * are parsed by a confined child process only. Pointers to a struct image are good until the loop's next round.
 */
#pragma once
#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "image/image.h"
#include "os/loop.h"
#include "os/work.h"

struct image_store;

/* Who uses an image: asked before removing. */
struct image_store_hooks {
	/* True when a container uses it; ret_container is its id. With running_only stopped ones do not count. */
	bool (*find_user)(void *arg, const char *image_id, bool running_only, char ret_container[65]);
	/* Docker's actions import, tag, untag, delete; name is the familiar reference or the id. NULL is fine. */
	void (*on_event)(void *arg, const char *action, const char *image_id, const char *name);
	void *arg;
};

struct image_store_options {
	struct loop *loop;
	struct work *work;
	const char *dir;                                 /* <data root>/images; made when missing */
	const char *self;                                /* our own binary, to start helpers from and to make the built-in image of */
	int64_t max_image_bytes;                         /* unpacked; 0: 64 GiB */
	struct image_store_hooks hooks;
};

/* Blocks: call before the loop runs. Makes the built-in image when it is missing or the binary is another one. */
int image_store_open(const struct image_store_options *options, struct image_store **ret, struct err *err);
/* After work_free, so that nothing is under way, and after the holds are freed. NULL is welcome. Imports that still run are aborted, callbacks are not called. */
void image_store_close(struct image_store *store);
/* Removes layers and blobs that neither an image nor a hold refers to. Call once the holds of adopted containers are taken. */
void image_store_sweep(struct image_store *store);

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

size_t image_store_count(const struct image_store *store);
/* In order of creation, newest first, the built-in one last; NULL past the end. */
const struct image *image_store_at(const struct image_store *store, size_t at);
/* By name (default tag latest), name@digest (the digest decides), image id with or without "sha256:", or the start of one.
 * ERR_NOT_FOUND "No such image: nginx:latest"; ERR_INVALID for what is no reference. */
int image_store_get(const struct image_store *store, const char *name, const struct image **ret, struct err *err);
/* The digest a service is pinned to: that of the manifest. ERR_NOT_FOUND for the built-in image: each host has its own. */
int image_store_pin(const struct image_store *store, const char *name, const struct image **ret, struct err *err);
/* Every layer counted once, unpacked. */
int64_t image_store_layers_bytes(const struct image_store *store);

/* ---- changing --------------------------------------------------------------------------------------------------------------- */

/* err is NULL on success; called once, on the loop, never from inside the call that asked. */
typedef void image_done_fn(void *arg, const struct err *err);
/* Names `source` also `target` (default tag latest), taking the name from whoever has it. Docker's refusals; the built-in image keeps to its name. */
void image_store_tag(struct image_store *store, const char *source, const char *target, image_done_fn *fn, void *arg);

typedef void image_removed_fn(void *arg, const struct image_removed *removed, size_t count, const struct err *err);
/* Docker's rules: a name takes only the name away while others are left; ids with several names, and images in use, need force or are refused. */
void image_store_remove(struct image_store *store, const char *name, bool force, image_removed_fn *fn, void *arg);

/* Removes every image that `wants`, which is asked when its turn has come, except those that containers use. reclaimed: bytes of layers that nothing
 * needs any more. */
typedef void image_pruned_fn(void *arg, const struct image_removed *removed, size_t count, int64_t reclaimed_bytes, const struct err *err);
void image_store_prune(struct image_store *store, bool (*wants)(void *arg, const struct image *image), image_pruned_fn *fn, void *arg);

/* ---- using ------------------------------------------------------------------------------------------------------------------ */

/* Keeps layer directories on disk, whatever happens to the image's names. A container has one as long as it exists. */
struct image_hold;
/* ERR_NOT_FOUND for an id that is none. */
int image_hold_new(struct image_store *store, const char *image_id, struct image_hold **ret, struct err *err);
/* For containers found again after a restart: the diff ids (lowest first) their hold had. ERR_NOT_FOUND when a layer is gone. */
int image_hold_adopt(struct image_store *store, const char *const *diff_ids, size_t count, struct image_hold **ret, struct err *err);
/* Absolute paths of unpacked layers, top first, as overlayfs wants them in lowerdir; at least one, NULL behind the last. The new root takes
 * mode and owner of dirs[0]. Valid as long as the hold. */
const char *const *image_hold_dirs(const struct image_hold *hold, size_t *ret_count);
const char *const *image_hold_diff_ids(const struct image_hold *hold, size_t *ret_count);
void image_hold_free(struct image_hold *hold);           /* NULL is welcome; the last one of a forgotten layer removes it */
