/* image_layout_io.h - the folders and files of the image store (what they are: image_store.h).
 *
 * Every call blocks; they run on the work threads, one after the other, and while the store is opened. What counts is moved into place whole
 * and synced, so that each may be killed anywhere. dir is the store's folder throughout.
 */
#pragma once
#include "base/err.h"
#include "base/map.h"
#include "image/image.h"
#include "image/image_manifest.h"

/* Makes what is missing. */
int image_layout_make(const char *dir, struct err *err);
/* An unreadable index.json is moved to index.json.damaged, *ret_is_damaged is set and the index empty. It stays set as long as that file
 * lies there: then nothing may be swept, since nobody knows what belonged to it. */
int image_layout_read_index(const char *dir, struct image_index *ret, bool *ret_is_damaged, struct err *err);
int image_layout_write_index(const char *dir, const struct buf *text, struct err *err);

/* Manifest, config, both digests verified. Tags, layer sizes and is_unpacked are the caller's to fill. */
int image_layout_load(const char *dir, const struct image_blob *manifest, struct image **ret, struct err *err);

/* The same out of a folder of staged files, each under its digest in hex; written by processes that read a stranger's bytes. */
int image_layout_load_staged(const char *folder, const char *manifest, struct image **ret, struct err *err);

/* Diff ids of the unpacked layers and, as decimal text in the file "size" of each, the bytes of their files. */
int image_layout_list_layers(const char *dir, struct strlist *ret, struct err *err);
int image_layout_layer_size(const char *dir, const char *diff_id, int64_t *ret, struct err *err);
/* <dir>/layers/<diff id>/root, on the heap. */
char *image_layout_layer_root(const char *dir, const char *diff_id);
char *image_layout_blob_path(const char *dir, const char *digest);       /* heap */
/* The root of the layer is marked as opaque. overlayfs heeds that in folders below a root only. */
bool image_layout_layer_hides_lower(const char *dir, const char *diff_id);

/* A fresh folder to make something in, <dir>/staging/<name>: it holds "layer/root" and an empty file "blob", which is handed out open. */
char *image_layout_stage_path(const char *dir, const char *name);        /* heap */
int image_layout_stage(const char *stage, int *ret_blob_fd, struct err *err);
int image_layout_stage_layer(const char *stage, struct err *err);        /* "layer/root" only */
/* Moves the staged layer, whose files are synced, to its place; if it is there already, that one stays. */
int image_layout_settle_layer(const char *dir, const char *stage, const char *diff_id, int64_t size_bytes, struct err *err);
/* from: the staged file. */
int image_layout_settle_blob(const char *dir, const char *from, const char *digest, struct err *err);
int image_layout_put_blob(const char *dir, const char *digest, const struct buf *content, struct err *err);

/* Removes blobs and layers that their map does not hold (keys: digest, diff id; NULL: none is removed), and staged folders that
 * keep_staged does not. */
int image_layout_sweep(const char *dir, const struct map *blobs, const struct map *layers, const struct map *keep_staged, struct err *err);
