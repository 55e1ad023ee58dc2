#include "image/image_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "image/image_layout_io.h"
#include "image/image_store_own.h"
#include "model/image_ref.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/log.h"

#define DEFAULT_MAX_IMAGE_BYTES (INT64_C(64) << 30)

static int load_layers(struct image_store *store, struct err *err);
static int load_images(struct image_store *store, struct err *err);
static void free_values(struct map *map);

static int open_store(struct image_store *store, struct err *err)
{
	if (image_layout_make(store->dir, err) < 0 || load_layers(store, err) < 0 || load_images(store, err) < 0)
		return -1;
	return image_builtin_open(store, err);
}

int image_store_open(const struct image_store_options *options, struct image_store **ret, struct err *err)
{
	struct image_store *store = NEW(struct image_store);

	*store = (struct image_store){
		.loop = options->loop, .work = options->work, .dir = str_dup(options->dir), .self = str_dup(options->self),
		.max_image_bytes = options->max_image_bytes ? options->max_image_bytes : DEFAULT_MAX_IMAGE_BYTES,
		.hooks = options->hooks, .layers = map_new(), .blob_holds = map_new(),
	};
	list_init(&store->imports);
	list_init(&store->intakes);
	list_init(&store->loads);
	list_init(&store->saves);
	list_init(&store->readers);
	list_init(&store->stages);
	image_op_init(store);
	if (open_store(store, err) < 0) {
		image_store_close(store);
		return err_wrap(err, "images");
	}
	*ret = store;
	return 0;
}

void image_store_close(struct image_store *store)
{
	if (!store)
		return;
	image_op_fini(store);
	image_import_close_all(store);
	image_save_close_all(store);
	image_blob_close_all(store);
	image_load_close_all(store);
	image_intake_close_all(store);
	timer_cancel(&store->pump);                  /* what they gave up may have asked for a sweep */
	image_set_fini(&store->set);
	free_values(store->layers);
	free_values(store->blob_holds);
	free(store->dir);
	free(store->self);
	free(store);
}

void image_store_sweep(struct image_store *store)
{
	store->may_sweep = true;
	image_op_want_sweep(store);
}

void image_stage_init(struct image_stage *stage, struct image_store *store)
{
	uint8_t random[IMAGE_STAGE_NAME_BYTES];

	entropy_fill(random, sizeof(random));
	hex_encode(random, sizeof(random), stage->name);
	stage->path = image_layout_stage_path(store->dir, stage->name);
	list_add_last(&store->stages, &stage->link);
}

void image_stage_fini(struct image_stage *stage)
{
	list_remove(&stage->link);
	free(stage->path);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------- */

void image_store_add_layer(struct image_store *store, const char *diff_id, int64_t size_bytes, bool hides_lower)
{
	struct store_layer *layer = map_get(store->layers, diff_id);

	if (!layer) {
		layer = NEW(struct store_layer);
		map_put(store->layers, diff_id, layer);
	}
	layer->size_bytes = size_bytes;
	layer->hides_lower = hides_lower;
}

static void free_values(struct map *map)
{
	const char *key;
	void *value;

	for (size_t at = 0; map_next(map, &at, &key, &value);)
		free(value);
	map_free(map);
}

static int load_layers(struct image_store *store, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist ids = { 0 };

	if (image_layout_list_layers(store->dir, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		int64_t size;

		if (image_layout_layer_size(store->dir, ids.items[i], &size, err) == 0)
			image_store_add_layer(store, ids.items[i], size, image_layout_layer_hides_lower(store->dir, ids.items[i]));
		else
			log_warn("images: layer %s is not usable: %s", ids.items[i], err->text);
	}
	return 0;
}

void image_store_measure(const struct image_store *store, struct image *image)
{
	image->is_unpacked = true;
	image->size_bytes = 0;
	for (size_t i = 0; i < image->layer_count; i++) {
		const struct store_layer *layer = map_get(store->layers, image->layers[i].diff_id);

		image->layers[i].size_bytes = layer ? layer->size_bytes : 0;
		image->size_bytes += image->layers[i].size_bytes;
		image->is_unpacked = image->is_unpacked && layer;
	}
}

void image_store_measure_all(struct image_store *store)
{
	for (size_t i = 0; i < store->set.count; i++)
		image_store_measure(store, store->set.items[i]);
}

/* An image whose files are damaged is left out, and said; the others are as good as before. */
static struct image *load_image(struct image_store *store, const struct image_index_entry *entry)
{
	const struct image_blob *manifest = &entry->manifest;
	struct image *image;
	struct err err;

	for (size_t i = 0; i < store->set.count; i++)
		if (str_eq(store->set.items[i]->manifest, manifest->digest))
			return store->set.items[i];
	if (image_layout_load(store->dir, manifest, &image, &err) < 0) {
		log_error("images: the image of manifest sha256:%s is lost: %s", manifest->digest, err.text);
		return NULL;
	}
	if (image_set_find(&store->set, image->id)) {        /* one config, two manifests: not made here */
		log_warn("images: manifest sha256:%s repeats image sha256:%s", manifest->digest, image->id);
		image_free(image);
		return NULL;
	}
	for (size_t i = 0; i < entry->digests.count; i++)
		strlist_add(&image->digests, entry->digests.items[i]);
	for (size_t i = 0; i < entry->repositories.count; i++)
		strlist_add(&image->repositories, entry->repositories.items[i]);
	image_store_measure(store, image);
	if (!image->is_unpacked)
		log_error("images: image sha256:%s lacks a layer on disk; import it again", image->id);
	image_set_add(&store->set, image);
	return image;
}

static void load_name(struct image *image, const char *name)
{
	char text[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err err;

	if (str_is_empty(name))
		return;
	if (image_ref_parse(name, &ref, &err) < 0 || !ref.tag[0] || ref.digest[0]) {
		log_warn("images: index.json names '%s', which is no name with a tag", name);
		return;
	}
	image_ref_format_familiar(&ref, text);
	if (str_eq(text, IMAGE_BUILTIN_REF)) {
		log_warn("images: index.json gives the name %s to an image, which belongs to the built-in one", text);
		return;
	}
	if (!strlist_has(&image->tags, text))
		strlist_add(&image->tags, text);
	strlist_sort(&image->tags);
}

static int load_images(struct image_store *store, struct err *err)
{
	struct image_index index;

	if (image_layout_read_index(store->dir, &index, &store->is_damaged, err) < 0)
		return -1;
	if (store->is_damaged)
		log_error("images: index.json was damaged and lies in '%s' as index.json.damaged: the images in it are not known any more, "
			  "and nothing is cleaned up as long as it lies there", store->dir);
	for (size_t i = 0; i < index.count; i++) {
		struct image *image = load_image(store, &index.entries[i]);
		if (image)
			load_name(image, index.entries[i].name);
	}
	image_index_fini(&index);
	return 0;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

size_t image_store_count(const struct image_store *store)
{
	return store->set.count;
}

const struct image *image_store_at(const struct image_store *store, size_t at)
{
	return at < store->set.count ? store->set.items[at] : NULL;
}

int image_store_get(const struct image_store *store, const char *name, const struct image **ret, struct err *err)
{
	struct image *image;

	if (image_set_get(&store->set, name, &image, NULL, err) < 0)
		return -1;
	*ret = image;
	return 0;
}

int image_store_pin(const struct image_store *store, const char *name, const struct image **ret, struct err *err)
{
	const struct image *image;

	if (image_store_get(store, name, &image, err) < 0)
		return -1;
	if (image->is_builtin)
		return err_set(err, ERR_NOT_FOUND, "%s is each host's own binary: it has no digest to be pinned to", IMAGE_BUILTIN_REF);
	*ret = image;
	return 0;
}

int64_t image_store_layers_bytes(const struct image_store *store)
{
	int64_t sum = 0;
	const char *key;
	void *value;

	for (size_t at = 0; map_next(store->layers, &at, &key, &value);)
		sum += ((const struct store_layer *)value)->size_bytes;
	return sum;
}

void image_store_tell(const struct image_store *store, const char *action, const char *image_id, const char *name)
{
	if (store->hooks.on_event)
		store->hooks.on_event(store->hooks.arg, action, image_id, name);
}
