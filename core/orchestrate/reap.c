#include "orchestrate/reap.h"


static bool has_room(struct draft *draft, struct draft_service *service, const struct draft_object *object)
{
	if (object->is_counted || draft_has_room(draft, 1))
		return true;
	draft_put_off(service);
	return false;
}

void reap_orphaned_service(struct draft *draft, struct draft_service *service)
{
	for (size_t i = 0; i < service->count; i++) {
		struct draft_task *task = service->tasks[i];

		if (task->task->desired == TASK_REMOVE)
			continue;
		if (!has_room(draft, service, &task->object))
			return;
		draft_set_desired(draft, task, TASK_REMOVE);
	}
}

/* Never given to a node: nobody but us can end it. */
static bool was_never_assigned(const struct task *task)
{
	return task->state < TASK_ASSIGNED;
}

static void end_unassigned(struct draft *draft, struct draft_service *service)
{
	for (size_t i = 0; i < service->count; i++) {
		struct draft_task *task = service->tasks[i];

		if (task->task->desired == TASK_SHUTDOWN && was_never_assigned(task->task) &&
		    has_room(draft, service, &task->object))
			draft_set_state(draft, task, TASK_SHUTDOWN, "shutdown", NULL);
	}
}

static void remove_vanishing(struct draft *draft, struct draft_service *service)
{
	for (size_t i = 0; i < service->count; i++) {
		struct draft_task *task = service->tasks[i];

		if (task->task->desired == TASK_REMOVE && (was_never_assigned(task->task) || task_is_done(task->task)) &&
		    has_room(draft, service, &task->object))
			draft_remove(draft, &task->object);
	}
}

static uint64_t history_limit(const struct draft *draft)
{
	const struct cluster *cluster = view_cluster(draft->view);
	const struct opt_u64 *limit = cluster ? &cluster->spec.orchestration.task_history : NULL;

	return limit && limit->is_set ? limit->value : 5;
}

static void trim_slot(struct draft *draft, struct draft_service *service, struct slot_group *slot, uint64_t limit)
{
	uint64_t count = 0;

	for (struct draft_task *task = slot->first; task; task = task->next)
		count += !task->object.is_removed;
	for (struct draft_task *task = slot->first; task && count > limit; task = task->next) {
		if (task->object.is_removed || !task_is_done(task->task) || task_is_wanted(task->task) ||
		    task == slot_newest(slot))
			continue;
		if (!has_room(draft, service, &task->object))
			return;
		draft_remove(draft, &task->object);
		count--;
	}
}

/* A history speaks of tasks of one version. */
static bool is_row_needed(const struct slot_group *slot)
{
	const struct slot *history = slot_history(slot);

	for (const struct draft_task *task = slot->first; history && task; task = task->next)
		if (!task->object.is_removed && task->task->spec_version == history->spec_version)
			return true;
	return false;
}

static void remove_rows(struct draft *draft, struct draft_service *service)
{
	const struct view_object *object = view_slots_of_service(draft->view, service->id);
	struct map *needed;

	if (!object)
		return;
	needed = map_new();
	for (size_t i = 0; service->service && i < service->slot_count; i++)
		if (is_row_needed(service->slots[i]))
			map_put(needed, service->slots[i]->row->id, service);
	for (; object; object = object->next_of_service) {
		if (map_get(needed, object->meta.id))
			continue;
		if (!draft_has_room(draft, 1)) {
			draft_put_off(service);
			break;
		}
		draft_remove_id(draft, KIND_SLOT, object->meta.id);
	}
	map_free(needed);
}

static bool is_version_needed(const struct draft_service *service, uint64_t version)
{
	if (service->service &&
	    (version == service->service->spec_version || version == service->service->previous_version))
		return true;
	for (size_t i = 0; i < service->count; i++)
		if (!service->tasks[i]->object.is_removed && service->tasks[i]->task->spec_version == version)
			return true;
	return false;
}

static void remove_versions(struct draft *draft, struct draft_service *service)
{
	const struct view_object *object = view_versions_of_service(draft->view, service->id);

	for (; object; object = object->next_of_service) {
		if (is_version_needed(service, VIEW_VALUE(service_version, object)->version))
			continue;
		if (!draft_has_room(draft, 1)) {
			draft_put_off(service);
			return;
		}
		draft_remove_id(draft, KIND_SERVICE_VERSION, object->meta.id);
	}
}

void reap_service(struct draft *draft, struct draft_service *service)
{
	uint64_t limit = history_limit(draft);

	end_unassigned(draft, service);
	remove_vanishing(draft, service);
	for (size_t i = 0; i < service->slot_count; i++)
		trim_slot(draft, service, service->slots[i], limit);
	remove_rows(draft, service);
	remove_versions(draft, service);
}
