#include "api/api_internal.h"
#include "base/str.h"
#include "model/validate.h"

static const char *const filter_keys[] = { "id", "label", "membership", "name", "node.label", "role", NULL };

static const char *const roles[] = { "worker", "manager", NULL }, *const memberships[] = { "accepted", "pending", NULL };

static bool matches(const struct filters *filters, const struct view_object *object)
{
	const struct node *node = object->value;

	return filters_prefix(filters, "id", object->meta.id) &&
	       (filters_prefix(filters, "name", node->description.hostname) ||
		(!str_is_empty(node->spec.name) && filters_prefix(filters, "name", node->spec.name))) &&
	       filters_labels(filters, "label", &node->description.engine.labels) &&
	       filters_labels(filters, "node.label", &node->spec.labels) &&
	       filters_exact(filters, "membership", "accepted") &&
	       filters_exact(filters, "role", node->spec.role == ROLE_MANAGER ? "manager" : "worker");
}

void api_node_list(struct api *api, struct http_request *req, const char *name)
{
	const struct view_object *object;
	struct strlist ids = { 0 };
	struct filters filters;
	struct err err;

	(void)name;
	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0 ||
	    filters_words(&filters, "role", roles, &err) < 0 || filters_words(&filters, "membership", memberships, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	for (size_t at = 0; (object = view_next(api_view(api), KIND_NODE, &at));)
		if (matches(&filters, object))
			strlist_add(&ids, object->meta.id);
	api_reply_list(api, req, &ids, shape_node, 0);
}

/* "self" is what the client resolves for some commands and not for others. */
static int find(struct api *api, const char *name, const struct view_object **ret, struct err *err)
{
	return control_find_node(api_view(api), str_eq(name, "self") ? api->host.node_id(api->host.arg) : name, ret, err);
}

void api_node_inspect(struct api *api, struct http_request *req, const char *name)
{
	const struct view_object *object;
	yyjson_mut_doc *doc;
	struct err err;

	if (find(api, name, &object, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	api_reply_doc(req, 200, doc, shape_node(api, object->meta.id, 0, doc));
}

static void update(struct api *api, struct http_request *req, yyjson_val *body, const char *name)
{
	const struct view_object *object;
	struct node_spec spec;
	uint64_t version;
	struct err err;

	if (api_query_version(req, &version) < 0)
		return;
	if (!api->host.manager(api->host.arg))
		api_no_manager(api, &err);
	else if (find(api, name, &object, &err) == 0 &&
		 shape_from_json(&node_spec_shape, body, http_arena(req), &spec, &err) == 0 && validate_node_spec(&spec, &err) == 0) {
		control_node_update(api->host.manager(api->host.arg), object->meta.id, version, &spec, api_done_ok, req);
		return;
	}
	http_reply_error(req, &err);
}

void api_node_update(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, update);
}

void api_node_remove(struct api *api, struct http_request *req, const char *name)
{
	const struct view_object *object;
	struct err err;

	if (find(api, name, &object, &err) < 0)
		http_reply_error(req, &err);
	else
		control_node_remove(api->host.manager(api->host.arg), object->meta.id, http_query_is_true(req, "force"), api_done_ok, req);
}
