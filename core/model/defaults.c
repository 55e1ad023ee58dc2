#include "model/defaults.h"

#include "base/str.h"

static const nsec second_ns = 1000000000;
static const nsec default_grace_ns = 10 * second_ns;
static const nsec default_delay_ns = 5 * second_ns;
static const nsec default_monitor_ns = 5 * second_ns;

static void fill(int *value, int unset, int def)
{
	if (*value == unset)
		*value = def;
}

static void normalize_mode(struct service_spec *spec, struct arena *arena)
{
	if (service_is_global(spec))
		return;
	if (!spec->mode.replicated)
		spec->mode.replicated = ARENA_NEW(arena, struct replicated);
	if (!spec->mode.replicated->replicas.is_set)
		spec->mode.replicated->replicas = (struct opt_u64){ true, 1 };
}

static void normalize_restart(struct restart_policy *policy)
{
	if (!policy)
		return;
	fill(&policy->condition, RESTART_UNSET, RESTART_ANY);
	policy->max_attempts.is_set = true;
}

static void normalize_update(struct update_config *update)
{
	if (!update)
		return;
	fill(&update->failure_action, FAILURE_UNSET, FAILURE_PAUSE);
	fill(&update->order, UPDATE_ORDER_UNSET, UPDATE_STOP_FIRST);
}

static void normalize_endpoint(struct endpoint_spec *endpoint)
{
	fill(&endpoint->mode, ENDPOINT_UNSET, ENDPOINT_VIP);
	for (size_t i = 0; i < endpoint->ports.count; i++) {
		fill(&endpoint->ports.items[i].protocol, PROTOCOL_UNSET, PROTOCOL_TCP);
		fill(&endpoint->ports.items[i].publish_mode, PUBLISH_UNSET, PUBLISH_INGRESS);
	}
}

/* `docker stack deploy` sends members that say nothing: as good as absent, so that the same stack again changes nothing. */
static void normalize_container(struct task_spec *task)
{
	struct container_spec_model *container = &task->container;

	if (container->privileges && shape_is_empty(&privileges_shape, container->privileges))
		container->privileges = NULL;
	if (container->health && shape_is_empty(&health_config_shape, container->health))
		container->health = NULL;
	if (task->log && shape_is_empty(&log_driver_shape, task->log))
		task->log = NULL;
}

/* A name is what people type, an id is what lasts. */
static void normalize_networks(struct task_spec *task, struct arena *arena)
{
	for (size_t i = 0; i < task->networks.count; i++) {
		int found = predefined_network_find(task->networks.items[i].target);

		if (found >= 0)
			task->networks.items[i].target = arena_strdup(arena, predefined_network_id((enum predefined_network)found));
	}
}

void service_spec_normalize(struct service_spec *spec, struct arena *arena)
{
	normalize_mode(spec, arena);
	fill(&spec->task.runtime, RUNTIME_UNSET, RUNTIME_CONTAINER);
	normalize_restart(spec->task.restart);
	normalize_update(spec->update);
	normalize_update(spec->rollback);
	normalize_endpoint(&spec->endpoint);
	normalize_container(&spec->task);
	normalize_networks(&spec->task, arena);
}

static struct update_config *default_update(struct update_config *given, struct arena *arena)
{
	if (given) {
		normalize_update(given);
		return given;
	}
	given = ARENA_NEW(arena, struct update_config);
	*given = (struct update_config){ .parallelism = 1, .monitor_ns = default_monitor_ns,
					 .failure_action = FAILURE_PAUSE, .order = UPDATE_STOP_FIRST };
	return given;
}

void service_spec_defaults(struct service_spec *spec, struct arena *arena)
{
	struct container_spec_model *container = &spec->task.container;

	service_spec_normalize(spec, arena);
	if (!container->stop_grace_ns.is_set)
		container->stop_grace_ns = (struct opt_u64){ true, (uint64_t)default_grace_ns };
	if (!spec->task.restart)
		spec->task.restart = ARENA_NEW(arena, struct restart_policy);
	normalize_restart(spec->task.restart);
	if (!spec->task.restart->delay_ns.is_set)
		spec->task.restart->delay_ns = (struct opt_u64){ true, (uint64_t)default_delay_ns };
	spec->update = default_update(spec->update, arena);
	spec->rollback = default_update(spec->rollback, arena);
}

int restart_condition_of(const struct task_spec *task)
{
	if (!task->restart || task->restart->condition == RESTART_UNSET)
		return RESTART_ANY;
	return task->restart->condition;
}

nsec restart_delay_ns(const struct task_spec *task)
{
	if (!task->restart || !task->restart->delay_ns.is_set)
		return default_delay_ns;
	return (nsec)MIN(task->restart->delay_ns.value, (uint64_t)INT64_MAX);
}

uint64_t restart_max_attempts(const struct task_spec *task)
{
	return task->restart ? task->restart->max_attempts.value : 0;
}

nsec restart_window_ns(const struct task_spec *task)
{
	return task->restart ? (nsec)MIN(task->restart->window_ns.value, (uint64_t)INT64_MAX) : 0;
}

nsec stop_grace_ns(const struct task_spec *task)
{
	const struct opt_u64 *given = &task->container.stop_grace_ns;

	return given->is_set ? (nsec)MIN(given->value, (uint64_t)INT64_MAX) : default_grace_ns;
}

uint64_t update_parallelism(const struct service_spec *spec)
{
	return spec->update ? spec->update->parallelism : 1;
}

bool update_starts_first(const struct service_spec *spec)
{
	return spec->update && spec->update->order == UPDATE_START_FIRST;
}
