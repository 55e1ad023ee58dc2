#include "orchestrate/outdated.h"

#include "base/str.h"
#include "model/constraint.h"

/* A constraint that does not parse was refused long ago; it would hold nowhere. */
static bool fits(const struct placement *placement, const char *node_id, const struct node *node)
{
	struct constraint_list constraints;
	struct arena arena;
	struct err err;
	bool result;

	arena_init(&arena, "constraints of one task", 64 << 20);
	result = constraint_parse(&placement->constraints, &arena, &constraints, &err) == 0 &&
		 constraint_match(&constraints, node_id, node);
	arena_fini(&arena);
	return result;
}

bool task_is_outdated(const struct view *view, const struct task *task)
{
	const struct service *service = view_service(view, task->service_id);
	const struct service_spec *now, *then;
	const struct node *node;

	if (!service || task->spec_version == service->spec_version)
		return false;
	if (task->spec_version < service->template_version)
		return true;
	now = view_service_spec(view, task->service_id, service->spec_version);
	then = view_service_spec(view, task->service_id, task->spec_version);
	if (!now || !then || shape_equal(&placement_shape, &now->task.placement, &then->task.placement))
		return false;
	node = str_is_empty(task->node_id) ? NULL : view_node(view, task->node_id);
	return !node || !fits(&now->task.placement, task->node_id, node);
}
