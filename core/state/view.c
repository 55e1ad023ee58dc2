#include "state/view_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

static const enum kind named_kinds[] = { KIND_SERVICE, KIND_SECRET, KIND_CONFIG };

struct view *view_new(void)
{
	struct view *view = NEW(struct view);

	for (int kind = 1; kind < KIND_COUNT; kind++)
		view->objects[kind] = map_new();
	for (size_t i = 0; i < ARRAY_COUNT(named_kinds); i++)
		view->by_name[named_kinds[i]] = map_new();
	view->tasks_of_service = map_new();
	view->tasks_of_node = map_new();
	view->versions_of_service = map_new();
	view->slots_of_service = map_new();
	return view;
}

static void object_free(struct view_object *object)
{
	shape_fini(kind_shape(object->kind), object->value);
	free(object->value);
	free(object);
}

static void free_chains(struct map *chains)
{
	void *chain;

	for (size_t at = 0; map_next(chains, &at, NULL, &chain);)
		free(chain);
	map_free(chains);
}

void view_free(struct view *view)
{
	if (!view)
		return;
	for (int kind = 1; kind < KIND_COUNT; kind++) {
		void *object;
		for (size_t at = 0; map_next(view->objects[kind], &at, NULL, &object);)
			object_free(object);
		map_free(view->objects[kind]);
		map_free(view->by_name[kind]);
	}
	free_chains(view->tasks_of_service);
	free_chains(view->tasks_of_node);
	free_chains(view->versions_of_service);
	free_chains(view->slots_of_service);
	free(view);
}

uint64_t view_index(const struct view *view) { return view->index; }
uint64_t view_term(const struct view *view) { return view->term; }
msec view_now(const struct view *view) { return view->now_ms; }
uint64_t view_sum(const struct view *view) { return view->sum; }

const struct view_object *view_find(const struct view *view, enum kind kind, const char *id)
{
	return id ? map_get(view->objects[kind], id) : NULL;
}

size_t view_count(const struct view *view, enum kind kind)
{
	return map_count(view->objects[kind]);
}

const struct view_object *view_next(const struct view *view, enum kind kind, size_t *at)
{
	void *object;
	return map_next(view->objects[kind], at, NULL, &object) ? object : NULL;
}

static const void *find_value(const struct view *view, enum kind kind, const char *id)
{
	const struct view_object *object = view_find(view, kind, id);
	return object ? object->value : NULL;
}

const struct view_object *view_cluster_object(const struct view *view)
{
	size_t at = 0;
	return view_next(view, KIND_CLUSTER, &at);
}

const struct cluster *view_cluster(const struct view *view)
{
	const struct view_object *object = view_cluster_object(view);
	return object ? object->value : NULL;
}

const struct service *view_service(const struct view *view, const char *id) { return find_value(view, KIND_SERVICE, id); }
const struct task *view_task(const struct view *view, const char *id) { return find_value(view, KIND_TASK, id); }
const struct node *view_node(const struct view *view, const char *id) { return find_value(view, KIND_NODE, id); }

const struct service_spec *view_service_spec(const struct view *view, const char *service_id, uint64_t version)
{
	char id[SERVICE_VERSION_ID_SIZE];
	const struct service_version *value = find_value(view, KIND_SERVICE_VERSION, service_version_id(service_id, version, id));

	return value ? &value->spec : NULL;
}

const struct service_spec *view_current_spec(const struct view *view, const struct view_object *service)
{
	return view_service_spec(view, service->meta.id, VIEW_VALUE(service, service)->spec_version);
}

void view_name_key(const char *name, char ret_key[VIEW_NAME_SIZE])
{
	size_t i;

	for (i = 0; name && name[i] && i < VIEW_NAME_SIZE - 1; i++)
		ret_key[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
	ret_key[i] = 0;
}

const struct view_object *view_by_name(const struct view *view, enum kind kind, const char *name)
{
	char key[VIEW_NAME_SIZE];

	view_name_key(name, key);
	return map_get(view->by_name[kind], key);
}

const struct secret *view_secret(const struct view *view, enum kind kind, const char *id) { return find_value(view, kind, id); }

static const struct view_object *chain_first(const struct map *chains, const char *id)
{
	const struct chain *chain = id ? map_get(chains, id) : NULL;
	return chain ? chain->first : NULL;
}

const struct view_object *view_tasks_of_service(const struct view *view, const char *service_id)
{
	return chain_first(view->tasks_of_service, service_id);
}

const struct view_object *view_tasks_of_node(const struct view *view, const char *node_id)
{
	return chain_first(view->tasks_of_node, node_id);
}

const struct view_object *view_versions_of_service(const struct view *view, const char *service_id)
{
	return chain_first(view->versions_of_service, service_id);
}

const struct view_object *view_slots_of_service(const struct view *view, const char *service_id)
{
	return chain_first(view->slots_of_service, service_id);
}

/* ---- the indexes, kept by apply --------------------------------------------------------------------------------- */

static struct chain *chain_get(struct map *chains, const char *id)
{
	struct chain *chain = map_get(chains, id);

	if (!chain) {
		chain = NEW(struct chain);
		map_put(chains, id, chain);
	}
	return chain;
}

static void chain_drop_if_empty(struct map *chains, const char *id, struct chain *chain)
{
	if (!chain->first)
		free(map_remove(chains, id));
}

/* Tasks, versions and slots each have a chain per service. An id that is not there is in no chain. */
static void link_to_service(struct map *chains, const char *service_id, struct view_object *object)
{
	if (str_is_empty(service_id))
		return;
	struct chain *chain = chain_get(chains, service_id);

	object->prev_of_service = chain->last;
	object->next_of_service = NULL;
	*(chain->last ? &chain->last->next_of_service : &chain->first) = object;
	chain->last = object;
}

static void unlink_from_service(struct map *chains, const char *service_id, struct view_object *object)
{
	if (str_is_empty(service_id))
		return;
	struct chain *chain = chain_get(chains, service_id);

	*(object->prev_of_service ? &object->prev_of_service->next_of_service : &chain->first) = object->next_of_service;
	*(object->next_of_service ? &object->next_of_service->prev_of_service : &chain->last) = object->prev_of_service;
	chain_drop_if_empty(chains, service_id, chain);
}

static void index_by_service(struct map *chains, const char *service_id, struct view_object *object, bool put)
{
	if (put)
		link_to_service(chains, service_id, object);
	else
		unlink_from_service(chains, service_id, object);
}

static void link_to_node(struct view *view, struct view_object *task)
{
	struct chain *chain = chain_get(view->tasks_of_node, ((struct task *)task->value)->node_id);

	task->prev_of_node = chain->last;
	task->next_of_node = NULL;
	*(chain->last ? &chain->last->next_of_node : &chain->first) = task;
	chain->last = task;
}

static void unlink_from_node(struct view *view, struct view_object *task)
{
	const char *id = ((struct task *)task->value)->node_id;
	struct chain *chain = chain_get(view->tasks_of_node, id);

	*(task->prev_of_node ? &task->prev_of_node->next_of_node : &chain->first) = task->next_of_node;
	*(task->next_of_node ? &task->next_of_node->prev_of_node : &chain->last) = task->prev_of_node;
	chain_drop_if_empty(view->tasks_of_node, id, chain);
}

static void index_name(struct view *view, const char *name, struct view_object *object, bool put)
{
	struct map *names = view->by_name[object->kind];
	char key[VIEW_NAME_SIZE];

	view_name_key(name, key);
	if (put)
		map_put(names, key, object);
	else if (map_get(names, key) == object)
		map_remove(names, key);
}

/* The name lives in the spec version, the key points at the service: both orders of arrival must work, and a service whose version
 * row has not been seen yet has no name. */
static void index_service(struct view *view, struct view_object *service, bool put)
{
	const struct service_spec *spec = view_current_spec(view, service);

	if (spec)
		index_name(view, spec->name, service, put);
}

static void index_version(struct view *view, const struct view_object *version, bool put)
{
	const struct service_version *value = version->value;
	struct view_object *service = map_get(view->objects[KIND_SERVICE], value->service_id ? value->service_id : "");

	if (service && ((struct service *)service->value)->spec_version == value->version)
		index_service(view, service, put);
}

void view_index_object(struct view *view, struct view_object *object, bool put)
{
	switch (object->kind) {
	case KIND_TASK: {
		struct task *task = object->value;
		index_by_service(view->tasks_of_service, task->service_id, object, put);
		if (!str_is_empty(task->node_id)) {
			if (put)
				link_to_node(view, object);
			else
				unlink_from_node(view, object);
		}
		return;
	}
	case KIND_SERVICE:
		index_service(view, object, put);
		return;
	case KIND_SECRET:
	case KIND_CONFIG:
		index_name(view, ((struct secret *)object->value)->spec.name, object, put);
		return;
	case KIND_SERVICE_VERSION:
		index_by_service(view->versions_of_service, ((struct service_version *)object->value)->service_id, object, put);
		index_version(view, object, put);
		return;
	case KIND_SLOT:
		index_by_service(view->slots_of_service, ((struct slot *)object->value)->service_id, object, put);
		return;
	case KIND_IMAGE_COPY:
	case KIND_CLUSTER:
	case KIND_NODE:
	case KIND_COUNT:
		return;
	}
}

struct view_object *view_insert(struct view *view, enum kind kind, const char *id)
{
	struct view_object *object = NEW(struct view_object);

	check(str_copy(object->meta.id, sizeof object->meta.id, id));
	object->kind = kind;
	object->value = mem_new(1, kind_shape(kind)->size);
	check(!map_put(view->objects[kind], id, object));
	return object;
}

void view_delete(struct view *view, struct view_object *object)
{
	map_remove(view->objects[object->kind], object->meta.id);
	object_free(object);
}
