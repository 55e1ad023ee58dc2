#include "orchestrate/global.h"

#include "base/str.h"
#include "orchestrate/new_task.h"
#include "orchestrate/restart.h"

static void shut_down(struct draft *draft, struct draft_service *service, struct slot_group *slot)
{
	for (struct draft_task *task = slot->first; task; task = task->next) {
		if (!task_is_wanted(task->task))
			continue;
		if (!draft_has_room(draft, 1)) {
			draft_put_off(service);
			return;
		}
		draft_set_desired(draft, task, TASK_SHUTDOWN);
	}
}

/* Nobody is left to report about them. */
static void forget(struct draft *draft, struct draft_service *service, struct slot_group *slot)
{
	for (struct draft_task *task = slot->first; task; task = task->next) {
		if (task->object.is_removed)
			continue;
		if (!draft_has_room(draft, 1)) {
			draft_put_off(service);
			return;
		}
		draft_set_desired(draft, task, TASK_REMOVE);
	}
}

static void leave_nodes(struct draft *draft, struct draft_service *service)
{
	for (size_t i = 0; i < service->slot_count; i++) {
		struct slot_group *slot = service->slots[i];
		const struct node *node = view_node(draft->view, slot->node_id);

		if (!node)
			forget(draft, service, slot);
		else if (restart_node_is_lost(node) || !constraint_match(&service->constraints, slot->node_id, node))
			shut_down(draft, service, slot);
	}
}

static bool is_open(const struct draft_service *service, const struct view_object *object)
{
	const struct node *node = object->value;

	return !restart_node_is_lost(node) && node->spec.availability == AVAILABILITY_ACTIVE &&
	       constraint_match(&service->constraints, object->meta.id, node);
}

void global_service(struct draft *draft, struct draft_service *service)
{
	const struct view_object *node;

	leave_nodes(draft, service);
	for (size_t at = 0; (node = view_next(draft->view, KIND_NODE, &at));) {
		struct slot_group *slot;

		if (!is_open(service, node))
			continue;
		slot = slots_find(service, 0, node->meta.id);
		if (slot && slot_is_kept(draft, service, slot))
			continue;
		if (!draft_has_room(draft, 1)) {
			draft_put_off(service);
			return;
		}
		if (!slot)
			slot = slots_add(draft, service, 0, node->meta.id);
		new_task(draft, service, slot, TASK_RUNNING);
	}
}
