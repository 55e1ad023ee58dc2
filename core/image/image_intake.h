/* image_intake.h - takes in images that others made: their blobs gather in a folder, are verified and unpacked, and enter the store all at once.
 *
 * Used by the load of archives and by pulls. Whoever fetches writes files into image_intake_dir, each under the sha256 of its content in hex.
 * Nothing is believed because of its name: each file is hashed when it is used, and a layer is unpacked by a confined child whose blob digest
 * and diff id must be those of the manifest and the config. Every step is answered by an event on the loop, never from inside the call:
 *
 *	image_intake_begin                                      on_ready: the folder is there
 *	manifest and config lie in it: image_intake_add         on_added: the layers are known, and which of them are WANTED
 *	the blob of a WANTED layer lies in it, complete:        on_layer: each change of its state, and how far unpacking is
 *	image_intake_give
 *	all layers of all images are READY: image_intake_commit on_done
 *
 * A failure at any step is told by on_done. After on_done the intake is gone, and so is everything that did not enter the store. Layers that
 * lie in the store, unpacked and with their blob, are READY at once; those whose blob alone is there are unpacked from it without being asked
 * for. Both are kept until the intake ends, whoever removes images meanwhile.
 */
#pragma once
#include "base/err.h"
#include "image/image_store.h"

#define IMAGE_INTAKES_MAX       8                        /* at one time; more are ERR_EXHAUSTED */
#define IMAGE_INTAKE_IMAGES_MAX 256                      /* in one intake */
#define IMAGE_INTAKE_NAMES_MAX  1024                     /* of all its images */
#define IMAGE_INTAKE_CHILDREN   2                        /* layers that one intake unpacks at the same time */

enum image_intake_state {
	INTAKE_WANTED,                                   /* its blob must come from the caller */
	INTAKE_WAITING,                                  /* the blob is here; a child will unpack it */
	INTAKE_UNPACKING,
	INTAKE_READY,
};

struct image_intake_layer {
	char blob[SHA256_HEX_SIZE], diff_id[SHA256_HEX_SIZE];
	int64_t blob_bytes;                              /* as the manifest says; a file of another size is refused */
	enum image_intake_state state;
	bool was_there;                                  /* READY from the start */
	int64_t done_bytes;                              /* of the blob, while it is unpacked */
};

struct image_intake_events {
	void (*on_ready)(void *arg);
	void (*on_added)(void *arg, size_t image);
	void (*on_layer)(void *arg, size_t layer);       /* progress at most ten times a second and layer */
	/* err NULL: the images are in the store. What image_intake_id gives is good until this returns. Not called after an abort. */
	void (*on_done)(void *arg, const struct err *err);
};

struct image_intake;
/* action: Docker's name of the event that tells of each image, "load" or "pull". */
int image_intake_begin(struct image_store *store, const char *action, const struct image_intake_events *events, void *arg,
		       struct image_intake **ret, struct err *err);
/* <data root>/images/staging/<random>/blobs. Folders in it are never looked at, so unfinished files may wait in one. */
const char *image_intake_dir(const struct image_intake *intake);

struct image_intake_image {
	const char *manifest;                            /* hex of its digest */
	/* Hex of another digest that the image goes by, that of the index it was chosen from; NULL: none. People see this one then. */
	const char *index;
	/* The digests come from a registry: when the image is here already, under other ones, these take their place, and the older ones go on
	 * finding it. Otherwise it stays as it is, and these find it too. */
	bool is_from_registry;
	const char *repository;                          /* and it is this one of its: familiar, "reg.example/x"; NULL: none */
	const char *const *names;                        /* "nginx:1.27"; default tag latest */
	size_t name_count;
};
/* Copies. Images are numbered from 0 in the order in which they are added, and layers that several have are one. */
void image_intake_add(struct image_intake *intake, const struct image_intake_image *image);
/* Numbers of its layers, lowest first; the same one may come twice. From on_added on. */
const size_t *image_intake_layers_of(const struct image_intake *intake, size_t image, size_t *ret_count);
const char *image_intake_id(const struct image_intake *intake, size_t image);            /* hex */
/* The store had the image before, and each of the names was already its. */
bool image_intake_is_known(const struct image_intake *intake, size_t image);
size_t image_intake_layer_count(const struct image_intake *intake);
const struct image_intake_layer *image_intake_layer(const struct image_intake *intake, size_t layer);

void image_intake_give(struct image_intake *intake, size_t layer);       /* of a WANTED one */
/* Whoever wrote into the folder has ended. */
void image_intake_commit(struct image_intake *intake);
/* The caller's part has failed: everything is given up, and on_done tells the caller's error. Too late once the commit was asked for. */
void image_intake_fail(struct image_intake *intake, const struct err *err);
void image_intake_abort(struct image_intake *intake);    /* in silence; a commit that is just being written may still come true */
