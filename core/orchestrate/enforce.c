#include "orchestrate/enforce.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "orchestrate/ledger.h"
#include "orchestrate/outdated.h"

enum { ORPHAN_AFTER_MS = 24 * 60 * 60 * 1000 };

/* Parsed once for each service that has tasks here. */
static const struct constraint_list *constraints_of(struct draft *draft, struct map *known, const char *service_id)
{
	const struct view_object *service = view_find(draft->view, KIND_SERVICE, service_id);
	struct constraint_list *list;
	struct err err;

	if (!service)
		return NULL;
	list = map_get(known, service_id);
	if (list)
		return list;
	list = ARENA_NEW(draft->arena, struct constraint_list);
	if (constraint_parse(&view_current_spec(draft->view, service)->task.placement.constraints, draft->arena, list, &err) < 0)
		panic("service %s: %s", service_id, err.text);
	map_put(known, service_id, list);
	return list;
}

static bool is_held_to_rules(const struct task *task)
{
	return ledger_counts(task) && task_is_wanted(task);
}

static int compare_created(const void *a, const void *b)
{
	const struct view_object *x = *(const struct view_object *const *)a, *y = *(const struct view_object *const *)b;

	if (x->meta.created_index != y->meta.created_index)
		return x->meta.created_index < y->meta.created_index ? -1 : 1;
	return strcmp(x->meta.id, y->meta.id);
}

/* Oldest first, so that what came last has to go. */
static size_t tasks_by_age(struct draft *draft, const char *node_id, const struct view_object ***ret)
{
	const struct view_object *first = view_tasks_of_node(draft->view, node_id), *object;
	size_t count = 0;

	for (object = first; object; object = object->next_of_node)
		count++;
	*ret = ARENA_ARRAY(draft->arena, const struct view_object *, count);
	count = 0;
	for (object = first; object; object = object->next_of_node)
		(*ret)[count++] = object;
	qsort(*ret, count, sizeof **ret, compare_created);
	return count;
}

static bool fits(const struct resource_reservations *want, struct node_resources *left)
{
	if (want->nano_cpus > left->nano_cpus || want->memory_bytes > left->memory_bytes)
		return false;
	left->nano_cpus -= want->nano_cpus;
	left->memory_bytes -= want->memory_bytes;
	return true;
}

/* An update that is under way will come to it, in its order and at its pace. */
static bool is_left_to_update(const struct draft *draft, const struct task *task)
{
	const struct service *service = view_service(draft->view, task->service_id);

	return service && service->update.state == UPDATE_UPDATING && task_is_outdated(draft->view, task);
}

static bool may_stay(struct draft *draft, struct map *known, const struct view_object *object, const struct node *node,
		     struct node_resources *left)
{
	const struct task *task = object->value;
	const struct service_spec *spec = view_service_spec(draft->view, task->service_id, task->spec_version);
	const struct constraint_list *constraints = constraints_of(draft, known, task->service_id);
	const struct resource_reservations *want = &spec->task.resources.reservations;

	if (constraints && !constraint_match(constraints, task->node_id, node) && !is_left_to_update(draft, task))
		return false;
	return (want->nano_cpus == 0 && want->memory_bytes == 0) || fits(want, left);
}

static bool enforce_rules(struct draft *draft, const char *node_id, const struct node *node)
{
	struct node_resources left = node->description.resources;
	const struct view_object **tasks;
	size_t count = tasks_by_age(draft, node_id, &tasks);
	struct map *known = map_new();
	bool has_room = true;

	for (size_t i = 0; i < count && has_room; i++) {
		if (!is_held_to_rules(tasks[i]->value) || may_stay(draft, known, tasks[i], node, &left))
			continue;
		has_room = draft_has_room(draft, 1);
		if (has_room)
			draft_set_state(draft, draft_load_task(draft, tasks[i]), TASK_REJECTED, "task rejected by constraint enforcer",
					"assigned node no longer meets constraints");
	}
	map_free(known);
	draft->objects_left -= MIN(draft->objects_left, count);
	return has_room;
}

static void mark_services(struct draft *draft, const char *node_id)
{
	const struct view_object *object;

	for (object = view_tasks_of_node(draft->view, node_id); object; object = object->next_of_node)
		if (!task_is_done(object->value) || task_is_wanted(object->value))
			dirty_add_service(draft->in->dirty, VIEW_VALUE(task, object)->service_id);
}

bool enforce_node(struct draft *draft, const char *node_id)
{
	const struct node *node = view_node(draft->view, node_id);

	mark_services(draft, node_id);
	if (!node || node->spec.availability != AVAILABILITY_ACTIVE || node->status.state == NODE_DOWN)
		return true;
	return enforce_rules(draft, node_id, node);
}

void enforce_orphans(struct draft *draft, struct draft_service *service)
{
	for (size_t i = 0; i < service->count; i++) {
		struct draft_task *task = service->tasks[i];
		const struct node *node;

		if (!ledger_counts(task->task))
			continue;
		node = view_node(draft->view, task->task->node_id);
		if (node && node->status.state != NODE_DOWN)
			continue;
		if (node && draft->now_ms - node->status_ms < ORPHAN_AFTER_MS)
			draft_wake_at(service, node->status_ms + ORPHAN_AFTER_MS);
		else if (draft_has_room(draft, 1))
			draft_set_state(draft, task, TASK_ORPHANED, task->task->message, task->task->error);
		else
			draft_put_off(service);
	}
}
