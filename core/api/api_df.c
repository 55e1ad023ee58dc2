/* GET /system/df: what images, containers and volumes take on disk. The answer shows what there is when the trees have been measured. */
#include <stdlib.h>

#include "api/api_internal.h"
#include "api/disk_usage.h"
#include "base/panic.h"
#include "base/str.h"

struct df {
	struct api *api;
	struct http_request *req;
	bool wants_images, wants_containers, wants_volumes;
};

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

static void add_container(const struct df *df, const struct disk_usage *usage, size_t at, const char *id, yyjson_mut_doc *doc, yyjson_mut_val *list)
{
	yyjson_mut_val *item = shape_container(df->api, id, 0, doc);

	if (!item)
		return;
	disk_usage_put_sizes(usage, at, doc, item);
	yyjson_mut_arr_append(list, item);
}

static void add_volume(const struct df *df, const char *name, int64_t bytes, yyjson_mut_doc *doc, yyjson_mut_val *list)
{
	yyjson_mut_val *item = shape_volume(df->api, name, doc), *data;

	if (!item)
		return;
	data = yyjson_mut_obj_add_obj(doc, item, "UsageData");
	yyjson_mut_obj_add_int(doc, data, "RefCount", (int64_t)volumes_claims(df->api->host.volumes, name)->count);
	yyjson_mut_obj_add_int(doc, data, "Size", bytes);
	yyjson_mut_arr_append(list, item);
}

static void done_df(void *arg, const struct disk_usage *usage)
{
	struct df *df = arg;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *containers, *volumes;
	bool is_container;

	if (df->wants_images)
		add_images(df->api, doc, root);
	containers = yyjson_mut_obj_add_arr(doc, root, "Containers");
	volumes = yyjson_mut_obj_add_arr(doc, root, "Volumes");
	yyjson_mut_obj_add_arr(doc, root, "BuildCache");
	for (size_t i = 0; i < disk_usage_count(usage); i++) {
		const char *name = disk_usage_name(usage, i, &is_container);

		if (is_container)
			add_container(df, usage, i, name, doc, containers);
		else
			add_volume(df, name, disk_usage_bytes(usage, i), doc, volumes);
	}
	api_reply_doc(df->req, 200, doc, root);
	free(df);
}

static struct disk_usage *collect(const struct df *df)
{
	struct disk_usage *usage = disk_usage_new(df->api);
	struct agent_container container;
	const struct volume *volume;

	for (size_t at = 0; df->wants_containers && agent_next_container(df->api->host.agent, &at, &container);)
		disk_usage_add_container(usage, &container);
	for (size_t at = 0; df->wants_volumes && (volume = volumes_next(df->api->host.volumes, &at));)
		disk_usage_add_volume(usage, volume->name);
	return usage;
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
		free(df);
		http_reply_error(req, &err);
	} else if (!disk_usage_measure(collect(df), done_df, df)) {
		free(df);
		http_reply_message(req, 503, DISK_USAGE_BUSY);
	}
}
