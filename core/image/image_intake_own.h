/* image_intake_own.h - the insides of an intake, for the two files that make it up: image_intake_io.c (its life, images, the commit) and
 * image_intake_layer_io.c (layers and the children that unpack them).
 */
#pragma once
#include "image/image_intake.h"
#include "image/image_store_own.h"
#include "image/unpack_child_io.h"

enum intake_state { INTAKE_STAGING, INTAKE_GATHERING, INTAKE_COMMITTING, INTAKE_LEAVING };

struct intake_layer {
	struct image_intake_layer shown;
	struct image_intake *intake;
	size_t number;
	bool has_hold;                                   /* on what the store has of it */
	bool blob_is_stored, only_check;
	char *blob_path, *stage;                         /* stage: holds "layer/root" */
	int fd;                                          /* of the blob; its position is how far the child has read */
	int note_fd;                                     /* of layer_folders_io.h, for the child; -1 */
	struct unpack_child *child;
	struct unpack_report report;
	bool has_report;
	bool hides_lower;
	struct err err;
};

struct intake_image {
	struct image_intake *intake;
	char manifest[SHA256_HEX_SIZE], index[SHA256_HEX_SIZE];
	bool is_from_registry, is_known;
	struct strlist tags;                             /* familiar */
	char *repository;
	struct image *image;                             /* read; until the commit takes it */
	char id[SHA256_HEX_SIZE];
	size_t *layers;
	size_t layer_count;
	char folders[SHA256_HEX_SIZE];                   /* the layer more that layer_folders_io.h made; "": none */
	struct err err;
	bool has_failed;
};

struct image_intake {
	struct list link;
	struct image_store *store;
	struct image_stage stage;
	char *dir, *action;
	struct image_intake_events events;
	void *arg;
	enum intake_state state;
	bool is_silent;
	unsigned jobs;                                   /* on the work threads */
	unsigned children;

	struct intake_image **images;
	size_t image_count, name_count;
	struct intake_layer **layers;
	size_t layer_count;
	int64_t data_bytes;                              /* of layers unpacked here */

	struct timer progress, late;
	bool has_late_err;
	struct err err, late_err;
	bool has_failed;                                 /* of the job under way: staging, leaving */
	struct image_op op;
};

/* Gives everything up: the owner is told, the rest happens in silence. */
void intake_fail(struct image_intake *intake, const struct err *err);
/* The same from the next round on. */
void intake_fail_late(struct image_intake *intake, const struct err *err);
void intake_fail_busy(struct image_intake *intake);
/* Called again whenever something that the leaving waits for has come to its end. */
void intake_leave(struct image_intake *intake);
bool intake_submit(struct image_intake *intake, const void *lane, void (*run)(void *arg), void (*done)(void *arg), void *arg);
/* A job has come back. False: the intake is on its way out, and nothing of it must be touched any more. */
bool intake_take_back(struct image_intake *intake);

/* The intake's layer of that blob and diff id, made when it is not there. */
struct intake_layer *intake_layer_add(struct image_intake *intake, const struct image_layer *from);
void intake_layer_free(struct intake_layer *layer);
/* What the store has of it is not kept by the intake any more. */
void intake_layer_drop(struct intake_layer *layer);
/* Unpacks what waits, as many at a time as may be. */
void intake_layers_start(struct image_intake *intake);
void intake_layers_progress(void *arg);
