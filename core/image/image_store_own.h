/* image_store_own.h - the insides of an image store, for the files that make it up: image_store.c, image_store_edit.c, image_hold.c, image_op.c,
 * image_builtin_io.c, and those of import, intake, load and save.
 *
 * A change of the store is an op. Ops wait in a list and are done one at a time: start on the loop, where it decides by what is true
 * then; run on a work thread, followed by the writing of index.json if there is an edit; the edit is applied in memory; done.
 */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "image/image_set.h"
#include "image/image_store.h"

enum { IMAGE_OPS_MAX = 64, IMAGE_STAGE_NAME_BYTES = 8 };

struct store_layer {
	int64_t size_bytes;
	unsigned holds;
	bool hides_lower;                                /* its root is opaque: nothing of the layers below it is to be seen */
};

struct image_store {
	struct loop *loop;
	struct work *work;
	char *dir, *self;
	int64_t max_image_bytes;
	struct image_store_hooks hooks;

	struct image_set set;
	struct map *layers;                              /* diff id -> struct store_layer, of all that lie unpacked on disk */
	struct map *blob_holds;                          /* digest -> struct blob_hold, beside those that images refer to */
	struct list ops;                                 /* those that wait */
	size_t op_count;
	struct image_op *running;
	struct timer pump;
	bool may_sweep, wants_sweep, is_damaged;
	struct list stages;                              /* struct image_stage, those in use */
	struct list imports, intakes, loads, saves, readers;
	size_t import_count, intake_count;
};

struct blob_hold { unsigned count; };

/* A folder below staging/ with a name of its own, which no sweep removes as long as this is there. The folder itself is its owner's. */
struct image_stage { struct list link; char name[2 * IMAGE_STAGE_NAME_BYTES + 1]; char *path; };
void image_stage_init(struct image_stage *stage, struct image_store *store);
void image_stage_fini(struct image_stage *stage);

struct image_op {
	struct list link;
	struct image_store *store;
	int (*start)(struct image_op *op, struct err *err);      /* may fill edit and set has_edit */
	int (*run)(struct image_op *op, struct err *err);        /* NULL: nothing but the index */
	void (*done)(struct image_op *op);                       /* looks at has_failed; not called when the store closes */
	void (*free)(struct image_op *op);

	bool has_edit, has_failed;
	struct image_edit edit;
	struct buf index;
	struct err err;
};

/* Takes the op; its fate is told by done, later. */
void image_op_submit(struct image_store *store, struct image_op *op);
void image_op_init(struct image_store *store);
void image_op_fini(struct image_store *store);
/* A sweep is due; it runs when nothing else waits, and not before image_store_sweep was called once. */
void image_op_want_sweep(struct image_store *store);

/* The layer lies on disk from now on. */
void image_store_add_layer(struct image_store *store, const char *diff_id, int64_t size_bytes, bool hides_lower);
/* Fills sizes and is_unpacked of an image from the layers on disk. */
void image_store_measure(const struct image_store *store, struct image *image);
void image_store_measure_all(struct image_store *store);
/* The layer that image has beside its own, if it needs one: layer_folders_io.h. */
void image_store_folders_of(const struct image *image, char ret_id[SHA256_HEX_SIZE]);
/* Some image has it. */
bool image_store_is_layer_named(const struct image_store *store, const char *diff_id);
/* Keeps what the store has of a layer, unpacked or as a blob, from being swept until it is dropped. What the store has not is not kept. */
void image_store_hold_parts(struct image_store *store, const char *diff_id, const char *blob, bool *ret_has_layer, bool *ret_has_blob);
void image_store_drop_parts(struct image_store *store, const char *diff_id, const char *blob, bool has_layer, bool has_blob);
/* A blob that an image of the set refers to: manifest, config, layer. */
void image_store_hold_blob(struct image_store *store, const char *digest);
void image_store_drop_blob(struct image_store *store, const char *digest);
void image_store_tell(const struct image_store *store, const char *action, const char *image_id, const char *name);

/* At open: puts the image of our own binary into the store. */
int image_builtin_open(struct image_store *store, struct err *err);
/* At close: imports under way are given up. */
void image_import_close_all(struct image_store *store);
void image_intake_close_all(struct image_store *store);
void image_save_close_all(struct image_store *store);
void image_blob_close_all(struct image_store *store);
void image_load_close_all(struct image_store *store);         /* before the intakes */
