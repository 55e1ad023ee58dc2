#include <stdlib.h>

#include "api/api_internal.h"
#include "base/str.h"

static const char *const filter_keys[] = { "dangling", "driver", "label", "name", NULL };

static yyjson_mut_val *shape_map(const struct str_map *map, yyjson_mut_doc *doc)
{
	yyjson_mut_val *object = yyjson_mut_obj(doc);

	if (map->count == 0)
		return yyjson_mut_null(doc);
	for (size_t i = 0; i < map->count; i++)
		yyjson_mut_obj_add(object, yyjson_mut_strcpy(doc, map->items[i].key),
				   yyjson_mut_strcpy(doc, map->items[i].value ? map->items[i].value : ""));
	return object;
}

static yyjson_mut_val *volume_json(struct api *api, const struct volume *volume, yyjson_mut_doc *doc)
{
	yyjson_mut_val *ret = yyjson_mut_obj(doc);
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	api_add_stamp(doc, ret, "CreatedAt", volume->created_wall);
	api_add_str(doc, ret, "Driver", "local");
	yyjson_mut_obj_add_val(doc, ret, "Labels", shape_map(&volume->labels, doc));
	api_add_str(doc, ret, "Mountpoint", volumes_path(api->host.volumes, volume->name, &path));
	api_add_str(doc, ret, "Name", volume->name);
	yyjson_mut_obj_add_val(doc, ret, "Options", shape_map(&volume->options, doc));
	api_add_str(doc, ret, "Scope", "local");
	return ret;
}

yyjson_mut_val *shape_volume(struct api *api, const char *name, yyjson_mut_doc *doc)
{
	const struct volume *volume = volumes_find(api->host.volumes, name);

	return volume ? volume_json(api, volume, doc) : NULL;
}

/* In a swarm Docker looks for a volume of the cluster at last, and says so. */
static void reply_none(struct api *api, struct http_request *req, const char *name)
{
	if (api->host.manager(api->host.arg))
		http_reply_message(req, 404, "volume %s not found", name);
	else
		http_reply_message(req, 404, "get %s: no such volume", name);
}

static bool is_dangling(struct api *api, const char *name)
{
	return volumes_claims(api->host.volumes, name)->count == 0;
}

static int matches(struct api *api, const struct filters *filters, const struct volume *volume, bool *ret, struct err *err)
{
	bool wants_dangling = false;

	if (filters_bool(filters, "dangling", false, &wants_dangling, err) < 0)
		return -1;
	*ret = filters_contains(filters, "name", volume->name) && filters_exact(filters, "driver", "local") &&
	       filters_labels(filters, "label", &volume->labels) &&
	       (!filters_get(filters, "dangling") || is_dangling(api, volume->name) == wants_dangling);
	return 0;
}

void api_volume_list(struct api *api, struct http_request *req, const char *name)
{
	const struct volume *volume;
	struct filters filters;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root, *list;
	struct err err;
	bool ok;

	(void)name;
	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	list = yyjson_mut_obj_add_arr(doc, root, "Volumes");
	for (size_t at = 0; (volume = volumes_next(api->host.volumes, &at));) {
		if (matches(api, &filters, volume, &ok, &err) < 0) {
			yyjson_mut_doc_free(doc);
			http_reply_error(req, &err);
			return;
		}
		if (ok)
			yyjson_mut_arr_append(list, volume_json(api, volume, doc));
	}
	yyjson_mut_obj_add_null(doc, root, "Warnings");
	api_reply_doc(req, 200, doc, root);
}

void api_volume_inspect(struct api *api, struct http_request *req, const char *name)
{
	const struct volume *volume = volumes_find(api->host.volumes, name);
	yyjson_mut_doc *doc;

	if (!volume) {
		reply_none(api, req, name);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	api_reply_doc(req, 200, doc, volume_json(api, volume, doc));
}

struct create_body { char *name, *driver; struct str_map options, labels; };
static const struct field create_fields[] = {
	F(1, STR, create_body, name, "Name", 0),
	F(2, STR, create_body, driver, "Driver", 0),
	F(3, STR_MAP, create_body, options, "DriverOpts", 0),
	F(4, STR_MAP, create_body, labels, "Labels", 0),
	F_REFUSED("ClusterVolumeSpec"),
};
static const struct shape create_shape = SHAPE(create_body, create_fields);

struct creation { struct api *api; struct http_request *req; };

static void created(void *arg, const struct volume *volume, const struct err *failure)
{
	const struct creation *creation = arg;
	yyjson_mut_doc *doc;

	if (failure) {
		http_reply_error(creation->req, failure);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	api_reply_doc(creation->req, 201, doc, volume_json(creation->api, volume, doc));
}

static void create(struct api *api, struct http_request *req, yyjson_val *json, const char *name)
{
	struct creation *creation = ARENA_NEW(http_arena(req), struct creation);
	const struct volume *volume = NULL;
	struct create_body body;
	struct err err;
	int result;

	(void)name;
	*creation = (struct creation){ api, req };
	result = shape_from_json(&create_shape, json, http_arena(req), &body, &err);
	if (result == 0)
		result = volumes_create_saved(api->host.volumes, body.name, body.driver, &body.options, &body.labels, created, creation, &volume, &err);
	if (result <= 0)
		created(creation, volume, result < 0 ? &err : NULL);
}

void api_volume_create(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, create);
}

static void removed(void *arg, const struct err *failure)
{
	if (failure)
		http_reply_error(arg, failure);
	else
		http_reply_empty(arg, 204);
}

void api_volume_remove(struct api *api, struct http_request *req, const char *name)
{
	struct err err;

	if (volumes_remove(api->host.volumes, name, removed, req, &err) == 0)
		return;
	if (err.code != ERR_NOT_FOUND || http_query_is_true(req, "force"))
		removed(req, err.code == ERR_NOT_FOUND ? NULL : &err);
	else
		reply_none(api, req, name);
}

/* ---- prune ------------------------------------------------------------------------------------------------------- */

static const char *const prune_keys[] = { "all", "label", "label!", NULL };

static void pruned(void *arg, const struct strlist *removed, int64_t bytes, const struct err *failure)
{
	yyjson_mut_doc *doc;
	yyjson_mut_val *root, *list;

	if (failure) {
		http_reply_error(arg, failure);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	list = removed->count ? yyjson_mut_obj_add_arr(doc, root, "VolumesDeleted") : NULL;
	if (!list)
		yyjson_mut_obj_add_null(doc, root, "VolumesDeleted");
	for (size_t i = 0; i < removed->count; i++)
		yyjson_mut_arr_add_strcpy(doc, list, removed->items[i]);
	yyjson_mut_obj_add_int(doc, root, "SpaceReclaimed", bytes);
	api_reply_doc(arg, 200, doc, root);
}

/* None of the labels that are to be kept. */
static bool has_no_label_of(const struct filters *filters, const struct str_map *labels)
{
	const struct str_array *kept = filters_get(filters, "label!");

	for (size_t i = 0; kept && i < kept->count; i++) {
		struct filter one = { "label", { &kept->items[i], 1 } };

		if (filters_labels(&(struct filters){ &one, 1 }, "label", labels))
			return false;
	}
	return true;
}

void api_volume_prune(struct api *api, struct http_request *req, const char *name)
{
	CLEANUP(strlist_finip) struct strlist doomed = { 0 };
	const struct volume *volume;
	struct filters filters;
	struct err err;
	bool all;

	(void)name;
	if (filters_parse(http_query(req, "filters"), prune_keys, http_arena(req), &filters, &err) < 0 ||
	    filters_bool(&filters, "all", false, &all, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	for (size_t at = 0; (volume = volumes_next(api->host.volumes, &at));)
		if ((all || volume->is_anonymous) && filters_labels(&filters, "label", &volume->labels) &&
		    has_no_label_of(&filters, &volume->labels) && is_dangling(api, volume->name))
			strlist_add(&doomed, volume->name);
	if (volumes_prune(api->host.volumes, &doomed, pruned, req, &err) < 0)
		http_reply_error(req, &err);
}
