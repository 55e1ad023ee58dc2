#include "agent/task_container.h"

#include "base/buf.h"
#include "base/panic.h"

msec task_stop_grace_ms(const struct assignment *assignment)
{
	const struct opt_u64 *grace = &assignment->spec.container.stop_grace_ns;

	return grace->is_set ? (msec)(grace->value / 1000000) : 10000;
}

enum container_network task_network(const struct task_spec *task)
{
	switch (service_network(task)) {
	case PREDEFINED_BRIDGE: return CONTAINER_NET_OWN;
	case PREDEFINED_HOST: return CONTAINER_NET_HOST;
	case PREDEFINED_NONE: return CONTAINER_NET_NONE;
	case PREDEFINED_COUNT: break;
	}
	panic("task on network %d", service_network(task));
}

static const char *joined(const char *const *items, size_t count, struct arena *arena)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%s%s", i ? "," : "", items[i]);
	return arena_strdup(arena, buf_text(&out));
}

int task_container(const struct assignment *assignment, const char *container_id, const char *image_id,
		   const struct image_config *config, const char *const *layers, size_t layer_count, const struct container_volumes *volumes,
		   const char *host_gateway, struct arena *arena, struct container_spec *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf name = BUF_INIT;
	struct container_wish wish = { .container_id = container_id, .own = &assignment->spec.container,
				       .limits = &assignment->spec.resources.limits, .log = assignment->spec.log,
				       .network = task_network(&assignment->spec), .host_gateway = host_gateway };

	task_name(assignment->service_name, assignment->slot, assignment->node_id, assignment->task_id, &name);
	wish.name = buf_text(&name);
	if (container_plan(&wish, config, layers, layer_count, volumes, arena, ret, err) < 0)
		return -1;
	container_plan_label(ret, arena, "com.docker.swarm.node.id", assignment->node_id);
	container_plan_label(ret, arena, TASK_LABEL_SERVICE, assignment->service_id);
	container_plan_label(ret, arena, "com.docker.swarm.service.name", assignment->service_name);
	container_plan_label(ret, arena, "com.docker.swarm.task", "");
	container_plan_label(ret, arena, TASK_LABEL_ID, assignment->task_id);
	container_plan_label(ret, arena, "com.docker.swarm.task.name", ret->name);
	container_plan_label(ret, arena, TASK_LABEL_IMAGE, image_id);
	container_plan_label(ret, arena, TASK_LABEL_LAYERS, joined(config->diff_ids.items, config->diff_ids.count, arena));
	return 0;
}
