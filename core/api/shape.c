/* Where Docker's JSON differs from our model: one function per object, members in Docker's order. */
#include <string.h>

#include "api/api_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "manager/trust.h"
#include "model/defaults.h"
#include "model/json.h"

enum { SPEC_BYTES_MAX = 16 << 20 };

/* A long list may outlive the swarm it lists. */
static const struct view *view_or_null(const struct api *api)
{
	struct manager *manager = api->host.manager(api->host.arg);
	return manager ? manager_view(manager) : NULL;
}

static void add_meta(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct meta *meta)
{
	yyjson_mut_val *version = yyjson_mut_obj_add_obj(doc, object, "Version");

	yyjson_mut_obj_add_uint(doc, version, "Index", meta->spec_index);
	api_add_stamp(doc, object, "CreatedAt", meta->created_wall);
	api_add_stamp(doc, object, "UpdatedAt", meta->updated_wall);
}

/* ---- services ---------------------------------------------------------------------------------------------------- */

static yyjson_mut_val *spec_json(const struct service_spec *spec, bool with_defaults, yyjson_mut_doc *doc)
{
	struct arena arena;
	struct service_spec copy;
	yyjson_mut_val *ret;

	if (!with_defaults)
		return shape_to_json(&service_spec_shape, spec, doc);
	arena_init(&arena, "spec", SPEC_BYTES_MAX);
	shape_copy(&service_spec_shape, spec, &arena, &copy);
	service_spec_defaults(&copy, &arena);
	ret = shape_to_json(&service_spec_shape, &copy, doc);
	arena_fini(&arena);
	return ret;
}

static yyjson_mut_val *ports_json(const struct port_config *ports, size_t count, yyjson_mut_doc *doc)
{
	yyjson_mut_val *list = yyjson_mut_arr(doc);

	for (size_t i = 0; i < count; i++)
		yyjson_mut_arr_append(list, shape_to_json(&port_config_shape, &ports[i], doc));
	return list;
}

static void add_endpoint(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct service *service, const struct service_spec *spec)
{
	yyjson_mut_val *endpoint = yyjson_mut_obj_add_obj(doc, object, "Endpoint");

	if (spec->endpoint.ports.count == 0) {
		yyjson_mut_obj_add_obj(doc, endpoint, "Spec");
		return;
	}
	yyjson_mut_obj_add_val(doc, endpoint, "Spec", shape_to_json(&endpoint_spec_shape, &spec->endpoint, doc));
	if (service->ports.count)
		yyjson_mut_obj_add_val(doc, endpoint, "Ports", ports_json(service->ports.items, service->ports.count, doc));
}

/* What ran on a node that is down is replaced, and nobody knows better until it is back. swarmkit counts it all the same, since the state
 * is the last one it heard of (moby's issue 45922); Docker's own client did not, when it still counted. */
static bool is_on_dead_node(const struct view *view, const struct task *task)
{
	const struct node *node = str_is_empty(task->node_id) ? NULL : view_node(view, task->node_id);

	return node && node->status.state == NODE_DOWN;
}

static void add_service_status(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct view *view, const char *id,
			       const struct service_spec *spec)
{
	uint64_t running = 0, desired = service_replicas(spec);
	yyjson_mut_val *status = yyjson_mut_obj_add_obj(doc, object, "ServiceStatus");

	for (const struct view_object *o = view_tasks_of_service(view, id); o; o = o->next_of_service) {
		const struct task *task = o->value;

		running += task->state == TASK_RUNNING && !is_on_dead_node(view, task);
		if (service_is_global(spec))
			desired += task->desired == TASK_RUNNING;
	}
	yyjson_mut_obj_add_uint(doc, status, "RunningTasks", running);
	yyjson_mut_obj_add_uint(doc, status, "DesiredTasks", desired);
	yyjson_mut_obj_add_uint(doc, status, "CompletedTasks", 0);
}

yyjson_mut_val *shape_service(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc)
{
	const struct view *view = view_or_null(api);
	const struct view_object *object = view ? view_find(view, KIND_SERVICE, id) : NULL;
	const struct service *service = object ? object->value : NULL;
	const struct service_spec *spec = object ? view_current_spec(view, object) : NULL;
	const struct service_spec *previous;
	yyjson_mut_val *ret;

	if (!spec)
		return NULL;
	ret = yyjson_mut_obj(doc);
	api_add_str(doc, ret, "ID", id);
	add_meta(doc, ret, &object->meta);
	yyjson_mut_obj_add_val(doc, ret, "Spec", spec_json(spec, flags & SHAPE_DEFAULTS, doc));
	previous = service->previous_version ? view_service_spec(view, id, service->previous_version) : NULL;
	if (previous)
		yyjson_mut_obj_add_val(doc, ret, "PreviousSpec", spec_json(previous, flags & SHAPE_DEFAULTS, doc));
	add_endpoint(doc, ret, service, spec);
	if (service->update.state != UPDATE_NONE)
		yyjson_mut_obj_add_val(doc, ret, "UpdateStatus", shape_to_json(&update_status_shape, &service->update, doc));
	if (flags & SHAPE_STATUS)
		add_service_status(doc, ret, view, id, spec);
	return ret;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

static void add_task_status(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct task *task)
{
	yyjson_mut_val *status = yyjson_mut_obj_add_obj(doc, object, "Status"), *part;

	api_add_stamp(doc, status, "Timestamp", task->status_wall);
	api_add_str(doc, status, "State", task_state_name((enum task_state)task->state));
	if (!str_is_empty(task->message))
		api_add_str(doc, status, "Message", task->message);
	if (!str_is_empty(task->error))
		api_add_str(doc, status, "Err", task->error);
	if (!str_is_empty(task->container_id)) {
		part = yyjson_mut_obj_add_obj(doc, status, "ContainerStatus");
		api_add_str(doc, part, "ContainerID", task->container_id);
		yyjson_mut_obj_add_int(doc, part, "PID", task->pid);
		yyjson_mut_obj_add_int(doc, part, "ExitCode", task->exit_code);
	}
	part = yyjson_mut_obj_add_obj(doc, status, "PortStatus");
	if (task->host_ports.count)
		yyjson_mut_obj_add_val(doc, part, "Ports", ports_json(task->host_ports.items, task->host_ports.count, doc));
}

/* The text lives until the next call: doc is written before. */
static yyjson_mut_val *task_spec_json(struct api *api, const struct task *task, const struct service_spec *spec, yyjson_mut_doc *doc)
{
	struct printed_spec *printed = &api->printed[((uint8_t)task->service_id[0] * 7u + (uint8_t)task->service_id[1]) % PRINTED_SPECS];
	struct task_spec told = spec->task;
	yyjson_mut_doc *apart;

	if (printed->version != task->spec_version || !str_eq(printed->service_id, task->service_id)) {
		apart = yyjson_mut_doc_new(NULL);
		told.runtime = RUNTIME_UNSET;           /* what a task is run by is told of its service alone */
		buf_clear(&printed->text);
		json_write(apart, shape_to_json(&task_spec_shape, &told, apart), 0, &printed->text);
		str_copy(printed->service_id, sizeof printed->service_id, task->service_id);
		printed->version = task->spec_version;
	}
	yyjson_mut_val *ret = yyjson_mut_rawn(doc, printed->text.data, printed->text.len);
	if (printed->text.len > PRINTED_BYTES_MAX) {    /* too much to keep */
		ret = yyjson_mut_rawncpy(doc, printed->text.data, printed->text.len);
		buf_fini(&printed->text);
		printed->version = 0;
	}
	return ret;
}

yyjson_mut_val *shape_task(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc)
{
	const struct view *view = view_or_null(api);
	const struct view_object *object = view ? view_find(view, KIND_TASK, id) : NULL;
	const struct task *task = object ? object->value : NULL;
	const struct service_spec *spec = task ? view_service_spec(view, task->service_id, task->spec_version) : NULL;
	yyjson_mut_val *ret;

	(void)flags;
	if (!spec)
		return NULL;
	ret = yyjson_mut_obj(doc);
	api_add_str(doc, ret, "ID", id);
	add_meta(doc, ret, &object->meta);
	yyjson_mut_obj_add_obj(doc, ret, "Labels");
	yyjson_mut_obj_add_val(doc, ret, "Spec", task_spec_json(api, task, spec, doc));
	api_add_str(doc, ret, "ServiceID", task->service_id);
	if (task->slot)
		yyjson_mut_obj_add_uint(doc, ret, "Slot", task->slot);
	if (!str_is_empty(task->node_id))
		api_add_str(doc, ret, "NodeID", task->node_id);
	add_task_status(doc, ret, task);
	api_add_str(doc, ret, "DesiredState", task_state_name((enum task_state)task->desired));
	yyjson_mut_obj_add_null(doc, ret, "Volumes");
	return ret;
}

/* ---- nodes and the cluster --------------------------------------------------------------------------------------- */

/* id, times, and what the kind's own members are */
static yyjson_mut_val *shape_object(struct api *api, enum kind kind, const char *id, yyjson_mut_doc *doc)
{
	const struct view *view = view_or_null(api);
	const struct view_object *object = view ? view_find(view, kind, id) : NULL;
	yyjson_mut_val *ret, *members, *key;
	yyjson_mut_obj_iter iter;

	if (!object)
		return NULL;
	ret = yyjson_mut_obj(doc);
	api_add_str(doc, ret, "ID", id);
	add_meta(doc, ret, &object->meta);
	members = shape_to_json(kind_shape(kind), object->value, doc);
	iter = yyjson_mut_obj_iter_with(members);
	while ((key = yyjson_mut_obj_iter_next(&iter))) {
		yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(key);
		yyjson_mut_obj_iter_remove(&iter);
		yyjson_mut_obj_add(ret, key, value);
	}
	return ret;
}

yyjson_mut_val *shape_node(struct api *api, const char *id, unsigned flags UNUSED, yyjson_mut_doc *doc)
{
	yyjson_mut_val *ret = shape_object(api, KIND_NODE, id, doc), *status = yyjson_mut_obj_get(ret, "Status");
	yyjson_mut_val *clock = yyjson_mut_obj_remove_key(yyjson_mut_obj_get(ret, "Description"), "Clock");

	/* there is nothing else to say of a node that is ready */
	if (clock && status && !yyjson_mut_obj_get(status, "Message"))
		yyjson_mut_obj_add_val(doc, status, "Message", clock);
	return ret;
}

yyjson_mut_val *shape_secret(struct api *api, const char *id, unsigned flags UNUSED, yyjson_mut_doc *doc)
{
	return shape_object(api, KIND_SECRET, id, doc);
}

yyjson_mut_val *shape_config(struct api *api, const char *id, unsigned flags UNUSED, yyjson_mut_doc *doc)
{
	return shape_object(api, KIND_CONFIG, id, doc);
}

yyjson_mut_val *shape_cluster(struct api *api, yyjson_mut_doc *doc, bool with_tokens)
{
	const struct view_object *object = view_cluster_object(api_view(api));
	CLEANUP(seal_wipe) struct buf worker = BUF_INIT, manager = BUF_INIT;
	const struct cluster *cluster;
	yyjson_mut_val *ret;
	struct err unused;

	if (!object)
		return NULL;
	cluster = object->value;
	ret = yyjson_mut_obj(doc);
	api_add_str(doc, ret, "ID", object->meta.id);
	add_meta(doc, ret, &object->meta);
	yyjson_mut_obj_add_val(doc, ret, "Spec", shape_to_json(&cluster_spec_shape, &cluster->spec, doc));
	yyjson_mut_obj_add_val(doc, ret, "TLSInfo", shape_to_json(shape_field(&cluster_shape, CLUSTER_TLS)->shape, &cluster->tls, doc));
	yyjson_mut_obj_add_bool(doc, ret, "RootRotationInProgress", trust_is_replaced(cluster));
	yyjson_mut_val *pools = cluster->address_pools.count ? yyjson_mut_arr(doc) : yyjson_mut_null(doc);
	yyjson_mut_obj_add_val(doc, ret, "DefaultAddrPool", pools);     /* null: the client shows no line for it */
	for (size_t i = 0; i < cluster->address_pools.count; i++)
		yyjson_mut_arr_add_strcpy(doc, pools, cluster->address_pools.items[i]);
	yyjson_mut_obj_add_uint(doc, ret, "SubnetSize", cluster->subnet_size);
	yyjson_mut_obj_add_uint(doc, ret, "DataPathPort", cluster->data_path_port);
	if (with_tokens && manager_open_tokens(api->host.manager(api->host.arg), &worker, &manager, &unused) == 0)
		yyjson_mut_obj_add_val(doc, ret, "JoinTokens", shape_to_json(&join_tokens_shape, &(struct join_tokens){
			(char *)(uintptr_t)buf_text(&worker), (char *)(uintptr_t)buf_text(&manager) }, doc));
	return ret;
}
