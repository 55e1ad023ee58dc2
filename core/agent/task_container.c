#include "agent/task_container.h"

#include "agent/health.h"
#include "base/buf.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/json.h"

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

static void label_health(const struct assignment *assignment, const struct image_config *config, struct arena *arena,
			 struct container_spec *ret)
{
	struct health_config health = container_plan_health(assignment->spec.container.health, config, arena);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (!health_is_on(&health))
		return;
	json_write_shape(&health_config_shape, &health, &text);
	container_plan_label(ret, arena, TASK_LABEL_HEALTH, arena_strdup(arena, buf_text(&text)));
}

struct health_config task_health(const struct container_spec *spec, struct arena *arena)
{
	const char *label = container_label(spec, TASK_LABEL_HEALTH);
	struct health_config ret = { 0 };
	struct err err;

	if (str_is_empty(label) || json_read_shape(&health_config_shape, label, arena, &ret, &err) < 0)
		return (struct health_config){ 0 };
	return ret;
}

bool task_label_is_inner(const char *key)
{
	static const char *const inner[] = { TASK_LABEL_IMAGE, TASK_LABEL_LAYERS, TASK_LABEL_PORTS, TASK_LABEL_HEALTH, TASK_LABEL_VOLUMES };

	for (size_t i = 0; str_starts(key, "swarmbox.") && i < ARRAY_COUNT(inner); i++)
		if (str_eq(inner[i], key))
			return true;
	return false;
}

/* Labels that we act on are ours to write. */
static void forget_forged(struct arena *arena, struct container_spec *ret)
{
	static const char *const ours[] = { TASK_LABEL_PORTS, TASK_LABEL_HEALTH, TASK_LABEL_VOLUMES };

	for (size_t i = 0; i < ARRAY_COUNT(ours); i++)
		if (container_label(ret, ours[i]))
			container_plan_label(ret, arena, ours[i], "");
}

int task_container(const struct assignment *assignment, const struct container_spec_model *own, const char *container_id, const char *image_id,
		   const struct image_config *config, const char *const *layers, size_t layer_count, const struct container_volumes *volumes,
		   const char *host_gateway, struct arena *arena, struct container_spec *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf name = BUF_INIT;
	struct container_wish wish = { .container_id = container_id, .own = own,
				       .limits = &assignment->spec.resources.limits, .log = assignment->spec.log,
				       .network = task_network(&assignment->spec), .host_gateway = host_gateway };

	task_name(assignment->service_name, assignment->slot, assignment->node_id, assignment->task_id, &name);
	wish.name = buf_text(&name);
	if (container_plan(&wish, config, layers, layer_count, volumes, arena, ret, err) < 0)
		return -1;
	forget_forged(arena, ret);
	container_plan_label(ret, arena, "com.docker.swarm.node.id", assignment->node_id);
	container_plan_label(ret, arena, TASK_LABEL_SERVICE, assignment->service_id);
	container_plan_label(ret, arena, "com.docker.swarm.service.name", assignment->service_name);
	container_plan_label(ret, arena, "com.docker.swarm.task", "");
	container_plan_label(ret, arena, TASK_LABEL_ID, assignment->task_id);
	container_plan_label(ret, arena, "com.docker.swarm.task.name", ret->name);
	container_plan_label(ret, arena, TASK_LABEL_IMAGE, image_id);
	container_plan_label(ret, arena, TASK_LABEL_LAYERS, joined(config->diff_ids.items, config->diff_ids.count, arena));
	label_health(assignment, config, arena, ret);
	return 0;
}
