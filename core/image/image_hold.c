/* What keeps layers and blobs on disk beside the images themselves; declared in image_store.h and image_store_own.h. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "image/image_layout_io.h"
#include "image/image_store_own.h"
#include "image/layer_folders_io.h"
#include "os/file.h"

void image_store_folders_of(const struct image *image, char ret_id[SHA256_HEX_SIZE])
{
	const char *diff_ids[IMAGE_CONFIG_MAX_LAYERS];

	for (size_t i = 0; i < image->layer_count; i++)
		diff_ids[i] = image->layers[i].diff_id;
	layer_folders_id(diff_ids, image->layer_count, ret_id);
}

bool image_store_is_layer_named(const struct image_store *store, const char *diff_id)
{
	char folders[SHA256_HEX_SIZE];

	for (size_t i = 0; i < store->set.count; i++) {
		const struct image *image = store->set.items[i];

		for (size_t n = 0; n < image->layer_count; n++)
			if (str_eq(image->layers[n].diff_id, diff_id))
				return true;
		image_store_folders_of(image, folders);
		if (str_eq(folders, diff_id))
			return true;
	}
	return false;
}

struct image_hold {
	struct image_store *store;
	const char **diff_ids;                           /* lowest first */
	size_t count;
	const char **dirs;                               /* top first; NULL behind the last */
	size_t dir_count;
};

static bool has_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(words[i], word))
			return true;
	return false;
}

/* From the top down to the first layer that hides everything below it. A layer that comes twice (those that change nothing often do) is taken where it
 * is highest: there it says all that it says further down, and overlayfs refuses a folder that is named twice. */
static void fill_dirs(struct image_hold *hold)
{
	for (size_t i = hold->count; i-- > 0;) {
		const struct store_layer *layer = map_get(hold->store->layers, hold->diff_ids[i]);

		if (has_word(hold->diff_ids + i + 1, hold->count - i - 1, hold->diff_ids[i]))
			continue;
		hold->dirs[hold->dir_count++] = image_layout_layer_root(hold->store->dir, hold->diff_ids[i]);
		if (layer->hides_lower)
			return;
	}
}

static struct image_hold *make_hold(struct image_store *store, const char *const *diff_ids, size_t count)
{
	struct image_hold *hold = NEW(struct image_hold);

	*hold = (struct image_hold){ .store = store, .diff_ids = NEW_ARRAY(const char *, count + 1), .dirs = NEW_ARRAY(const char *, count + 1),
				     .count = count };
	for (size_t i = 0; i < count; i++) {
		((struct store_layer *)map_get(store->layers, diff_ids[i]))->holds++;
		hold->diff_ids[i] = str_dup(diff_ids[i]);
	}
	fill_dirs(hold);
	return hold;
}

int image_hold_adopt(struct image_store *store, const char *const *diff_ids, size_t count, struct image_hold **ret, struct err *err)
{
	const char *all[IMAGE_CONFIG_MAX_LAYERS + 2];
	char folders[SHA256_HEX_SIZE];

	if (count == 0 || count > IMAGE_CONFIG_MAX_LAYERS + 1)       /* those that a hold has told may hold the layer more already */
		return err_set(err, ERR_INVALID, "%zu layers", count);
	for (size_t i = 0; i < count; i++)
		if (!map_get(store->layers, diff_ids[i]))
			return err_set(err, ERR_NOT_FOUND, "layer sha256:%s is not on disk", diff_ids[i]);
	memcpy(all, diff_ids, count * sizeof(*all));
	layer_folders_id(diff_ids, count, folders);
	all[count] = folders;
	*ret = make_hold(store, all, count + (map_get(store->layers, folders) != NULL));
	return 0;
}

int image_hold_new(struct image_store *store, const char *image_id, struct image_hold **ret, struct err *err)
{
	const char *hex = str_after(image_id, "sha256:") ? str_after(image_id, "sha256:") : image_id;
	const struct image *image = image_set_find(&store->set, hex);
	const char *diff_ids[IMAGE_CONFIG_MAX_LAYERS];

	if (!image || image->is_going)
		return err_set(err, ERR_NOT_FOUND, "No such image: %s", image_id);
	for (size_t i = 0; i < image->layer_count; i++)
		diff_ids[i] = image->layers[i].diff_id;
	if (image_hold_adopt(store, diff_ids, image->layer_count, ret, err) < 0)
		return err_wrap(err, "image sha256:%.12s", image->id);
	return 0;
}

const char *const *image_hold_dirs(const struct image_hold *hold, size_t *ret_count)
{
	*ret_count = hold->dir_count;
	return hold->dirs;
}

const char *const *image_hold_diff_ids(const struct image_hold *hold, size_t *ret_count)
{
	*ret_count = hold->count;
	return hold->diff_ids;
}

void image_hold_free(struct image_hold *hold)
{
	if (!hold)
		return;
	for (size_t i = 0; i < hold->count; i++) {
		struct store_layer *layer = map_get(hold->store->layers, hold->diff_ids[i]);

		if (--layer->holds == 0 && !image_store_is_layer_named(hold->store, hold->diff_ids[i]))
			image_op_want_sweep(hold->store);
		free((char *)(uintptr_t)hold->diff_ids[i]);
	}
	for (size_t i = 0; i < hold->dir_count; i++)
		free((char *)(uintptr_t)hold->dirs[i]);
	free(hold->diff_ids);
	free(hold->dirs);
	free(hold);
}

/* ---- parts ------------------------------------------------------------------------------------------------------------------ */

static bool is_blob_named(const struct image_store *store, const char *digest)
{
	for (size_t i = 0; i < store->set.count; i++) {
		const struct image *image = store->set.items[i];

		if (str_eq(image->id, digest) || str_eq(image->manifest, digest))
			return true;
		for (size_t n = 0; n < image->layer_count; n++)
			if (str_eq(image->layers[n].blob, digest))
				return true;
	}
	return false;
}

void image_store_hold_blob(struct image_store *store, const char *digest)
{
	struct blob_hold *hold = map_get(store->blob_holds, digest);

	if (!hold) {
		hold = NEW(struct blob_hold);
		map_put(store->blob_holds, digest, hold);
	}
	hold->count++;
}

void image_store_drop_blob(struct image_store *store, const char *digest)
{
	struct blob_hold *hold = map_get(store->blob_holds, digest);

	if (!hold || --hold->count)
		return;
	free(map_remove(store->blob_holds, digest));
	if (!is_blob_named(store, digest))
		image_op_want_sweep(store);
}

void image_store_hold_parts(struct image_store *store, const char *diff_id, const char *blob, bool *ret_has_layer, bool *ret_has_blob)
{
	struct store_layer *layer = map_get(store->layers, diff_id);
	CLEANUP(str_freep) char *path = image_layout_blob_path(store->dir, blob);

	*ret_has_layer = layer != NULL;
	if (layer)
		layer->holds++;
	*ret_has_blob = is_blob_named(store, blob) && file_exists(path);
	if (*ret_has_blob)
		image_store_hold_blob(store, blob);
}

void image_store_drop_parts(struct image_store *store, const char *diff_id, const char *blob, bool has_layer, bool has_blob)
{
	struct store_layer *layer = has_layer ? map_get(store->layers, diff_id) : NULL;

	if (layer && --layer->holds == 0 && !image_store_is_layer_named(store, diff_id))
		image_op_want_sweep(store);
	if (has_blob)
		image_store_drop_blob(store, blob);
}
