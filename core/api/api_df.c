/* GET /system/df: what images, containers and volumes take on disk. Trees are measured on a work thread, one request at a time; the answer shows what
 * there is by then. */
#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "base/list.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

/* What a container has written, or what is in a volume. */
struct measured { char *name, *path; int64_t bytes; bool is_container; };

struct df {
	struct api *api;
	struct http_request *req;
	bool wants_images, wants_containers, wants_volumes;
	struct measured *items;
	size_t count;
};

static void free_df(struct df *df)
{
	for (size_t i = 0; i < df->count; i++) {
		free(df->items[i].name);
		free(df->items[i].path);
	}
	free(df->items);
	free(df);
}

static void run_df(void *arg)
{
	struct df *df = arg;

	for (size_t i = 0; i < df->count; i++)
		df->items[i].bytes = dir_usage(df->items[i].path);
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

static size_t users_of_layer(struct api *api, const char *diff_id)
{
	const struct image *image;
	size_t users = 0;

	for (size_t at = 0; (image = image_store_at(api->host.images, at)); at++) {
		bool has = false;

		for (size_t i = 0; i < image->layer_count && !has; i++)
			has = str_eq(image->layers[i].diff_id, diff_id);
		users += has;
	}
	return users;
}

static int64_t shared_bytes(struct api *api, const struct image *image)
{
	int64_t sum = 0;

	for (size_t i = 0; i < image->layer_count; i++)
		if (users_of_layer(api, image->layers[i].diff_id) > 1)
			sum += image->layers[i].size_bytes;
	return sum;
}

static int64_t containers_of(struct api *api, const char *image_id)
{
	struct agent_container container;
	int64_t count = 0;

	for (size_t at = 0; agent_next_container(api->host.agent, &at, &container);)
		count += str_eq(container.image_id, image_id);
	return count;
}

static void put_int(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t value)
{
	yyjson_mut_obj_put(object, yyjson_mut_str(doc, key), yyjson_mut_sint(doc, value));
}

static void add_images(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "Images");
	const struct image *image;

	yyjson_mut_obj_add_int(doc, root, "LayersSize", image_store_layers_bytes(api->host.images));
	for (size_t at = 0; (image = image_store_at(api->host.images, at)); at++) {
		yyjson_mut_val *item = shape_image(image, &image->tags, doc);

		put_int(doc, item, "SharedSize", shared_bytes(api, image));
		put_int(doc, item, "Containers", containers_of(api, image->id));
		yyjson_mut_arr_append(list, item);
	}
}

/* ---- containers and volumes -------------------------------------------------------------------------------------- */

/* Without overlayfs its root is a copy, the image's files included. */
static void add_container(const struct df *df, const struct measured *m, yyjson_mut_doc *doc, yyjson_mut_val *list)
{
	struct agent_container container;
	const struct image *image;
	yyjson_mut_val *item = shape_container(df->api, m->name, true, doc);
	int64_t image_bytes = 0;
	struct err err;

	if (!item || agent_find_container(df->api->host.agent, m->name, &container, &err) < 0)
		return;
	if (image_store_get(df->api->host.images, container.image_id, &image, &err) == 0)
		image_bytes = image->size_bytes;
	bool is_copy = str_ends(m->path, "/rootfs");
	put_int(doc, item, "SizeRw", is_copy ? MAX(m->bytes - image_bytes, (int64_t)0) : m->bytes);
	put_int(doc, item, "SizeRootFs", is_copy ? m->bytes : m->bytes + image_bytes);
	yyjson_mut_arr_append(list, item);
}

static void add_volume(const struct df *df, const struct measured *m, yyjson_mut_doc *doc, yyjson_mut_val *list)
{
	yyjson_mut_val *item = shape_volume(df->api, m->name, doc), *usage;

	if (!item)
		return;
	usage = yyjson_mut_obj_add_obj(doc, item, "UsageData");
	yyjson_mut_obj_add_int(doc, usage, "RefCount", (int64_t)volumes_claims(df->api->host.volumes, m->name)->count);
	yyjson_mut_obj_add_int(doc, usage, "Size", m->bytes);
	yyjson_mut_arr_append(list, item);
}

static void done_df(void *arg)
{
	struct df *df = arg;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *containers, *volumes;

	if (df->wants_images)
		add_images(df->api, doc, root);
	containers = yyjson_mut_obj_add_arr(doc, root, "Containers");
	volumes = yyjson_mut_obj_add_arr(doc, root, "Volumes");
	yyjson_mut_obj_add_arr(doc, root, "BuildCache");
	for (size_t i = 0; i < df->count; i++)
		if (df->items[i].is_container)
			add_container(df, &df->items[i], doc, containers);
		else
			add_volume(df, &df->items[i], doc, volumes);
	api_reply_doc(df->req, 200, doc, root);
	free_df(df);
}

static void measure(struct df *df, const char *name, char *path, bool is_container)
{
	df->items = mem_resize(df->items, df->count + 1, sizeof(*df->items));
	df->items[df->count++] = (struct measured){ str_dup(name), path, 0, is_container };
}

static void collect(struct df *df)
{
	struct agent_container container;
	const struct volume *volume;
	struct runtime_facts facts;

	runtime_facts(df->api->host.runtime, &facts);
	for (size_t at = 0; df->wants_containers && agent_next_container(df->api->host.agent, &at, &container);)
		measure(df, container.info.id, path_join(container.info.dir, str_eq(facts.storage_driver, "copy") ? "rootfs" : "upper"), true);
	for (size_t at = 0; df->wants_volumes && (volume = volumes_next(df->api->host.volumes, &at));) {
		CLEANUP(buf_finip) struct buf path = BUF_INIT;

		measure(df, volume->name, str_dup(volumes_path(df->api->host.volumes, volume->name, &path)), false);
	}
}

/* ?type=image&type=volume; all without it. */
static int take_types(struct df *df, struct err *err)
{
	bool has_types = false;
	const char *type;

	for (size_t at = 0; (type = http_query_next(df->req, "type", &at)); has_types = true) {
		df->wants_images |= str_eq(type, "image");
		df->wants_containers |= str_eq(type, "container");
		df->wants_volumes |= str_eq(type, "volume");
		if (!str_eq(type, "image") && !str_eq(type, "container") && !str_eq(type, "volume") && !str_eq(type, "build-cache"))
			return err_set(err, ERR_INVALID, "unknown object type: %.100s", type);
	}
	if (!has_types)
		df->wants_images = df->wants_containers = df->wants_volumes = true;
	return 0;
}

void api_system_df(struct api *api, struct http_request *req, const char *name)
{
	struct df *df = NEW(struct df);
	struct err err;

	(void)name;
	*df = (struct df){ .api = api, .req = req };
	if (take_types(df, &err) < 0) {
		free_df(df);
		http_reply_error(req, &err);
		return;
	}
	collect(df);
	if (work_submit(api->host.work, &api_system_df, run_df, done_df, df))
		return;
	free_df(df);
	http_reply_message(req, 503, "too much is waiting for the work threads");
}
