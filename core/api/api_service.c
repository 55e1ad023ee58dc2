#include <string.h>

#include "agent/container_plan.h"
#include "api/api_internal.h"
#include "base/str.h"
#include "model/registry_auth.h"

static const char *const filter_keys[] = { "id", "label", "mode", "name", "runtime", NULL };

static bool matches(const struct filters *filters, const struct view *view, const struct view_object *object)
{
	const struct service_spec *spec = view_current_spec(view, object);

	return spec && filters_prefix(filters, "id", object->meta.id) && filters_prefix(filters, "name", spec->name) &&
	       filters_labels(filters, "label", &spec->labels) &&
	       filters_exact(filters, "mode", service_is_global(spec) ? "global" : "replicated") &&
	       filters_exact(filters, "runtime", "container");
}

void api_service_list(struct api *api, struct http_request *req, const char *name)
{
	const struct view *view = api_view(api);
	const struct view_object *object;
	struct strlist ids = { 0 };
	struct filters filters;
	struct err err;

	(void)name;
	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	for (size_t at = 0; (object = view_next(view, KIND_SERVICE, &at));)
		if (matches(&filters, view, object))
			strlist_add(&ids, object->meta.id);
	api_reply_list(api, req, &ids, shape_service, http_query_is_true(req, "status") ? SHAPE_STATUS : 0);
}

void api_service_inspect(struct api *api, struct http_request *req, const char *name)
{
	const struct view_object *object;
	yyjson_mut_doc *doc;
	struct err err;

	if (control_find_service(api_view(api), name, &object, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	api_reply_doc(req, 200, doc, shape_service(api, object->meta.id, http_query_is_true(req, "insertDefaults") ? SHAPE_DEFAULTS : 0, doc));
}

static void created(void *arg, const char *object_id, uint64_t index, const struct err *err)
{
	(void)index;
	if (err)
		http_reply_error(arg, err);
	else
		api_reply_id(arg, 201, "ID", object_id);
}

static struct manager *manager_or_refuse(struct api *api, struct http_request *req)
{
	struct manager *manager = api->host.manager(api->host.arg);
	struct err err;

	/* it may have left while the body was on its way */
	if (!manager) {
		api_no_manager(api, &err);
		http_reply_error(req, &err);
	}
	return manager;
}

/* An id of this engine's own networks, as `network ls` shows it, means the cluster's of that name. The rest is control's to judge. */
static void resolve_networks(const struct api *api, struct arena *arena, struct task_spec *task)
{
	for (size_t i = 0; i < task->networks.count; i++) {
		struct network_attachment *network = &task->networks.items[i];
		int found = api_network_find(api, network->target ? network->target : "");

		if (found >= 0)
			network->target = arena_strdup(arena, predefined_network_id((enum predefined_network)found));
	}
}

/* The header's credentials, in one form, so that the same ones are equal; "" for nobody's. */
static int read_auth(struct http_request *req, char **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct registry_auth auth;

	if (registry_auth_decode(http_header(req, "X-Registry-Auth"), &auth, err) < 0)
		return -1;
	if (!registry_auth_is_empty(&auth))
		registry_auth_encode(&auth, &text);
	registry_auth_fini(&auth);
	*ret = arena_strdup(http_arena(req), buf_text(&text));
	return 0;
}

/* What control cannot see, since it knows no runtime: a task would be refused on every host like this one. */
static int check_filter(const struct api *api, const struct service_spec *spec, struct err *err)
{
	if (container_plan_check_filter(&spec->task.container, api->host.facts->kernel, err) == 0)
		return 0;
	return err_wrap(err, "rpc error: code = InvalidArgument desc = ContainerSpec: Privileges.Seccomp");
}

static void create(struct api *api, struct http_request *req, yyjson_val *body, const char *name)
{
	struct manager *manager = manager_or_refuse(api, req);
	struct service_spec spec;
	struct err err;

	(void)name;
	if (!manager)
		return;
	if (shape_from_json(&service_spec_shape, body, http_arena(req), &spec, &err) < 0 ||
	    read_auth(req, &spec.task.container.registry_auth, &err) < 0 || check_filter(api, &spec, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	resolve_networks(api, http_arena(req), &spec.task);
	control_service_create(manager, &spec, created, req);
}

void api_service_create(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, create);
}

static void updated(void *arg, const char *object_id, uint64_t index, const struct err *err)
{
	static const char body[] = "{\"Warnings\":null}\n";

	(void)object_id;
	(void)index;
	if (err)
		http_reply_error(arg, err);
	else
		http_reply_json(arg, 200, body, sizeof body - 1);
}

/* Those that come along, or those that the service has: nobody who reads a spec sees them, so nobody sends them back. */
static int update_auth(const struct api *api, struct http_request *req, const struct view_object *object, char **ret, struct err *err)
{
	const char *from = http_query(req, "registryAuthFrom");
	const struct service *service = object->value;
	bool from_previous = str_eq(from, "previous-spec");
	const struct service_spec *spec;

	if (!from_previous && !str_is_empty(from) && !str_eq(from, "spec"))
		return err_set(err, ERR_INVALID, "unsupported registryAuthFrom value");
	if (read_auth(req, ret, err) < 0)
		return -1;
	if (**ret)
		return 0;
	spec = view_service_spec(api_view(api), object->meta.id, from_previous ? service->previous_version : service->spec_version);
	if (!spec)
		return err_set(err, ERR_INVALID, "service \"%s\" does not have a previous spec", object->meta.id);
	*ret = arena_strdup(http_arena(req), spec->task.container.registry_auth);
	return 0;
}

static void update(struct api *api, struct http_request *req, yyjson_val *body, const char *name)
{
	struct manager *manager = manager_or_refuse(api, req);
	const struct view_object *object;
	struct service_spec spec;
	uint64_t version;
	struct err err;

	if (!manager || api_query_version(req, &version) < 0)
		return;
	if (control_find_service(api_view(api), name, &object, &err) < 0)
		http_reply_error(req, &err);
	else if (!str_is_empty(http_query(req, "rollback")))
		http_reply_message(req, 501, "service rollback is not supported by swarmbox yet");
	else if (shape_from_json(&service_spec_shape, body, http_arena(req), &spec, &err) < 0 ||
		 update_auth(api, req, object, &spec.task.container.registry_auth, &err) < 0 || check_filter(api, &spec, &err) < 0)
		http_reply_error(req, &err);
	else {
		resolve_networks(api, http_arena(req), &spec.task);
		control_service_update(manager, object->meta.id, version, &spec, updated, req);
	}
}

void api_service_update(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, update);
}

void api_service_remove(struct api *api, struct http_request *req, const char *name)
{
	const struct view_object *object;
	struct err err;

	if (control_find_service(api_view(api), name, &object, &err) < 0)
		http_reply_error(req, &err);
	else
		control_service_remove(api->host.manager(api->host.arg), object->meta.id, api_done_ok, req);
}
