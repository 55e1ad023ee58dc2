#include "dispatch/assign.h"

#include "base/str.h"

static bool is_assigned(const struct task *task, const char *node_id)
{
	return task->state >= TASK_ASSIGNED && str_eq(task->node_id, node_id);
}

static void add_templates(const struct view *view, enum kind kind, const struct secret_references *references, struct str_array *ids)
{
	for (size_t i = 0; i < references->count; i++) {
		const struct secret *secret = view_secret(view, kind, references->items[i].id);

		if (secret && secret->spec.templating)
			ids->items[ids->count++] = references->items[i].id;
	}
}

/* Shallow: the strings are the view's. */
static bool fill(const struct view *view, const struct view_object *object, struct arena *arena, struct assignment *ret)
{
	const struct task *task = object->value;
	const struct service_spec *spec = view_service_spec(view, task->service_id, task->spec_version);
	const struct service *service = view_service(view, task->service_id);
	const struct node *node = view_node(view, task->node_id);

	if (!spec)
		return false;
	*ret = (struct assignment){
		.task_id = (char *)(uintptr_t)object->meta.id, .service_id = task->service_id, .service_name = spec->name,
		.node_id = task->node_id, .node_hostname = node ? node->description.hostname : NULL, .slot = task->slot,
		.desired = task->desired, .service_labels = spec->labels, .spec = spec->task, .endpoint = spec->endpoint,
	};
	ret->templates.items = ARENA_ARRAY(arena, char *, spec->task.container.secrets.count + spec->task.container.configs.count);
	add_templates(view, KIND_SECRET, &spec->task.container.secrets, &ret->templates);
	add_templates(view, KIND_CONFIG, &spec->task.container.configs, &ret->templates);
	/* The allocated ports go with the endpoint, which is the same since the template last changed; an older task keeps those its own
	 * spec names. */
	if (service && task->spec_version >= service->template_version) {
		ret->endpoint.ports.items = service->ports.items;
		ret->endpoint.ports.count = service->ports.count;
	}
	return true;
}

void assign_all(const struct view *view, const char *node_id, struct arena *arena, struct assign_set *ret)
{
	const struct view_object *object;
	size_t count = 0;

	*ret = (struct assign_set){ 0 };
	for (object = view_tasks_of_node(view, node_id); object; object = object->next_of_node)
		count++;
	ret->items.items = ARENA_ARRAY(arena, struct assignment, count);
	for (object = view_tasks_of_node(view, node_id); object; object = object->next_of_node)
		if (is_assigned(object->value, node_id) && fill(view, object, arena, &ret->items.items[ret->items.count]))
			ret->items.count++;
}

static bool matters(const struct state_event *event)
{
	const uint64_t told = FIELD_BIT(TASK_NODE) | FIELD_BIT(TASK_DESIRED);
	const struct task *before = event->before, *after = event->after;

	if (event->op == CHANGE_CREATE || (event->mask & told))
		return true;
	/* the step to "assigned" itself is a write to the state */
	return before && after && before->state < TASK_ASSIGNED && after->state >= TASK_ASSIGNED;
}

void assign_difference(const struct view *view, const char *node_id, const struct applied *applied, struct arena *arena,
		       struct assign_set *ret)
{
	*ret = (struct assign_set){ 0 };
	ret->items.items = ARENA_ARRAY(arena, struct assignment, applied->event_count);
	ret->removed.items = ARENA_ARRAY(arena, char *, applied->event_count);
	for (size_t i = 0; i < applied->event_count; i++) {
		const struct state_event *event = &applied->events[i];
		const struct task *before = event->before;
		const struct view_object *object;

		if (event->kind != KIND_TASK)
			continue;
		if (event->op == CHANGE_REMOVE) {
			if (before && is_assigned(before, node_id))
				ret->removed.items[ret->removed.count++] = (char *)(uintptr_t)event->id;
			continue;
		}
		object = view_find(view, KIND_TASK, event->id);
		if (object && matters(event) && is_assigned(object->value, node_id) &&
		    fill(view, object, arena, &ret->items.items[ret->items.count]))
			ret->items.count++;
	}
}
