#include <string.h>

#include "api/api_internal.h"
#include "base/str.h"
#include "orchestrate/outdated.h"

static const char *const filter_keys[] = { "desired-state", "id", "label", "name", "node", "service", "runtime", "_up-to-date", NULL };

static const char *const states[] = { "running", "shutdown", "accepted", NULL };

static bool desired_matches(const struct filters *filters, const struct task *task)
{
	return filters_exact(filters, "desired-state", task_state_name((enum task_state)task->desired));
}

static bool name_matches(const struct filters *filters, const struct view_object *object, const struct service_spec *spec)
{
	const struct task *task = object->value;
	CLEANUP(buf_finip) struct buf name = BUF_INIT;

	task_name(spec->name, task->slot, task->node_id, object->meta.id, &name);
	return filters_prefix(filters, "name", buf_text(&name));
}

static bool up_to_date_matches(const struct filters *filters, const struct view *view, const struct task *task)
{
	return filters_exact(filters, "_up-to-date", task_is_outdated(view, task) ? "false" : "true");
}

static bool matches(const struct filters *filters, const struct view *view, const struct view_object *object)
{
	const struct task *task = object->value;
	const struct service_spec *spec = view_service_spec(view, task->service_id, task->spec_version);

	return spec && desired_matches(filters, task) && filters_prefix(filters, "id", object->meta.id) &&
	       filters_labels(filters, "label", &spec->labels) && filters_exact(filters, "service", task->service_id) &&
	       filters_exact(filters, "node", task->node_id) && name_matches(filters, object, spec) &&
	       filters_exact(filters, "runtime", "container") && up_to_date_matches(filters, view, task);
}

/* The common question, all tasks of one service, must not cost a walk over everybody's. */
static void collect(const struct view *view, const struct filters *filters, struct strlist *ids)
{
	const struct str_array *services = filters_get(filters, "service");
	const struct view_object *object;

	if (services && services->count == 1 && view_find(view, KIND_SERVICE, services->items[0])) {
		for (object = view_tasks_of_service(view, services->items[0]); object; object = object->next_of_service)
			if (matches(filters, view, object))
				strlist_add(ids, object->meta.id);
		return;
	}
	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));)
		if (matches(filters, view, object))
			strlist_add(ids, object->meta.id);
}

/* Docker's clients send ids, people's scripts names, which are looked up: what is not there is an error and no empty list. */
static int resolve(const struct view *view, const struct filters *filters, const char *key,
		   int (*find)(const struct view *view, const char *name, const struct view_object **ret, struct err *err),
		   struct arena *arena, struct err *err)
{
	const struct str_array *values = filters_get(filters, key);
	const struct view_object *object;

	for (size_t i = 0; values && i < values->count; i++) {
		if (find(view, values->items[i], &object, err) < 0)
			return -1;
		values->items[i] = arena_strdup(arena, object->meta.id);
	}
	return 0;
}

void api_task_list(struct api *api, struct http_request *req, const char *name)
{
	struct strlist ids = { 0 };
	struct filters filters;
	struct err err;

	(void)name;
	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0 ||
	    filters_words(&filters, "desired-state", states, &err) < 0 ||
	    resolve(api_view(api), &filters, "service", control_find_service, http_arena(req), &err) < 0 ||
	    resolve(api_view(api), &filters, "node", control_find_node, http_arena(req), &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	collect(api_view(api), &filters, &ids);
	api_reply_list(api, req, &ids, shape_task, 0);
}

void api_task_inspect(struct api *api, struct http_request *req, const char *name)
{
	const struct view_object *object;
	yyjson_mut_doc *doc;
	yyjson_mut_val *task;
	struct err err;

	if (control_find_task(api_view(api), name, &object, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	task = shape_task(api, object->meta.id, 0, doc);
	if (task) {
		api_reply_doc(req, 200, doc, task);
		return;
	}
	yyjson_mut_doc_free(doc);
	http_reply_message(req, 404, "task %s not found", name);
}
