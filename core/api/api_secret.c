/* Secrets and configs: one set of handlers, twice. */
#include <string.h>

#include "api/api_internal.h"
#include "base/str.h"

static const char *const filter_keys[] = { "id", "label", "name", "names", NULL };

static bool matches(const struct filters *filters, const struct view_object *object)
{
	const struct secret_spec *spec = &VIEW_VALUE(secret, object)->spec;

	return filters_prefix(filters, "id", object->meta.id) && filters_prefix_nocase(filters, "name", spec->name) &&
	       filters_exact_nocase(filters, "names", spec->name) && filters_labels(filters, "label", &spec->labels);
}

static void list(struct api *api, struct http_request *req, enum kind kind, api_item_fn *shape)
{
	const struct view_object *object;
	struct strlist ids = { 0 };
	struct filters filters;
	struct err err;

	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	for (size_t at = 0; (object = view_next(api_view(api), kind, &at));)
		if (matches(&filters, object))
			strlist_add(&ids, object->meta.id);
	api_reply_list(api, req, &ids, shape, 0);
}

static void inspect(struct api *api, struct http_request *req, bool is_config, const char *name)
{
	const struct view_object *object;
	yyjson_mut_doc *doc;
	struct err err;

	if (control_find_secret(api_view(api), is_config, name, &object, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	api_reply_doc(req, 200, doc, (is_config ? shape_config : shape_secret)(api, object->meta.id, 0, doc));
}

static void created(void *arg, const char *object_id, uint64_t index, const struct err *err)
{
	(void)index;
	if (err)
		http_reply_error(arg, err);
	else
		api_reply_id(arg, 201, "ID", object_id);
}

static void create(struct api *api, struct http_request *req, yyjson_val *body, bool is_config)
{
	struct manager *manager = api->host.manager(api->host.arg);
	struct secret_spec spec;
	struct err err;

	if (!manager)
		err_set(&err, ERR_UNAVAILABLE, "This node is not a swarm manager.");
	else if (shape_from_json(&secret_spec_shape, body, http_arena(req), &spec, &err) == 0) {
		control_secret_create(manager, is_config, &spec, created, req);
		explicit_bzero(spec.data.items, spec.data.count);
		return;
	}
	http_reply_error(req, &err);
}

static void update(struct api *api, struct http_request *req, yyjson_val *body, bool is_config, const char *name)
{
	struct manager *manager = api->host.manager(api->host.arg);
	const struct view_object *object;
	struct secret_spec spec;
	uint64_t version;
	struct err err;

	if (api_query_version(req, &version) < 0)
		return;
	if (!manager)
		err_set(&err, ERR_UNAVAILABLE, "This node is not a swarm manager.");
	else if (control_find_secret(manager_view(manager), is_config, name, &object, &err) == 0 &&
		 shape_from_json(&secret_spec_shape, body, http_arena(req), &spec, &err) == 0) {
		control_secret_update(manager, is_config, object->meta.id, version, &spec, api_done_ok, req);
		return;
	}
	http_reply_error(req, &err);
}

static void removed(void *arg, const char *object_id, uint64_t index, const struct err *err)
{
	(void)object_id;
	(void)index;
	if (err)
		http_reply_error(arg, err);
	else
		http_reply_empty(arg, 204);
}

static void take_away(struct api *api, struct http_request *req, bool is_config, const char *name)
{
	const struct view_object *object;
	struct err err;

	if (control_find_secret(api_view(api), is_config, name, &object, &err) < 0)
		http_reply_error(req, &err);
	else
		control_secret_remove(api->host.manager(api->host.arg), is_config, object->meta.id, removed, req);
}

static void create_secret(struct api *api, struct http_request *req, yyjson_val *body, const char *name UNUSED)
{
	create(api, req, body, false);
}

static void create_config(struct api *api, struct http_request *req, yyjson_val *body, const char *name UNUSED)
{
	create(api, req, body, true);
}

static void update_secret(struct api *api, struct http_request *req, yyjson_val *body, const char *name)
{
	update(api, req, body, false, name);
}

static void update_config(struct api *api, struct http_request *req, yyjson_val *body, const char *name)
{
	update(api, req, body, true, name);
}

#define HANDLER(function) void function(struct api *api, struct http_request *req, const char *name UNUSED)
HANDLER(api_secret_list) { list(api, req, KIND_SECRET, shape_secret); }
HANDLER(api_config_list) { list(api, req, KIND_CONFIG, shape_config); }
HANDLER(api_secret_create) { api_with_body(api, req, name, create_secret); }
HANDLER(api_config_create) { api_with_body(api, req, name, create_config); }
HANDLER(api_secret_inspect) { inspect(api, req, false, name); }
HANDLER(api_config_inspect) { inspect(api, req, true, name); }
HANDLER(api_secret_update) { api_with_body(api, req, name, update_secret); }
HANDLER(api_config_update) { api_with_body(api, req, name, update_config); }
HANDLER(api_secret_remove) { take_away(api, req, false, name); }
HANDLER(api_config_remove) { take_away(api, req, true, name); }
