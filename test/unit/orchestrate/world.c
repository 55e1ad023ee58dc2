#include "test/unit/orchestrate/world.h"

#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/defaults.h"
#include "model/validate.h"

enum { ARENA_BYTES = 1 << 30, CALLS_MAX = 10000 };

/* One write: an arena, a list, a commit. */
struct write { struct arena arena; struct change_list list; };

static struct change_list *begin(struct write *write)
{
	arena_init(&write->arena, "world", ARENA_BYTES);
	change_list_init(&write->list, &write->arena);
	return &write->list;
}

static void commit(struct world *world, struct write *write)
{
	world_commit(world, &write->list);
	arena_fini(&write->arena);
}

void world_commit(struct world *world, const struct change_list *list)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct entry_head head = { FORMAT_LEVEL, world->now_ms, 0 };
	struct applied applied;
	struct err err;

	check(list->count <= CHANGES_MAX);
	change_list_encode(list, &head, &bytes);
	check(bytes.len <= CHANGE_BYTES_MAX);
	if (state_apply(world->view, ++world->index, 1, bytes.data, bytes.len, &applied, &err) < 0)
		panic("%s", err.text);
	dirty_add_events(world->dirty, world->view, &applied);
	applied_fini(&applied);
}

void world_init(struct world *world, uint64_t seed)
{
	struct write write;
	struct cluster *cluster;

	*world = (struct world){ .view = view_new(), .dirty = dirty_new(), .now_ms = 1000, .next_ms = INT64_MAX };
	rng_seed(&world->rng, seed);
	cluster = change_create(begin(&write), KIND_CLUSTER, "cluster", FIELD_BIT(CLUSTER_SPEC));
	cluster_spec_defaults(&cluster->spec, &write.arena);
	commit(world, &write);
}

void world_fini(struct world *world)
{
	view_free(world->view);
	dirty_free(world->dirty);
}

size_t world_step(struct world *world)
{
	struct arena arena;
	struct orchestrate_out out;

	arena_init(&arena, "orchestrate", ARENA_BYTES);
	struct orchestrate_in in = { .view = world->view, .dirty = world->dirty, .now_ms = world->now_ms, .rng = &world->rng,
				     .arena = &arena, .limits = world->limits };
	orchestrate(&in, &out);
	size_t count = out.changes.count;
	if (world->limits.changes)
		check(count <= world->limits.changes);
	for (size_t i = 0; world->on_change && i < count; i++)
		world->on_change(world->arg, &out.changes.items[i]);
	if (count > 0)
		world_commit(world, &out.changes);
	world->next_ms = out.next_ms;
	world->more = out.more;
	arena_fini(&arena);
	return count;
}

size_t world_settle(struct world *world)
{
	size_t count = 0;

	for (int calls = 0;; calls++) {
		size_t step = world_step(world);
		count += step;
		if (step == 0 && !world->more && dirty_is_empty(world->dirty))
			return count;
		if (calls == CALLS_MAX)
			panic("the orchestrator does not come to rest");
	}
}

void world_wait(struct world *world, msec ms)
{
	msec until = world->now_ms + ms;

	world_settle(world);
	while (world->next_ms <= until) {
		world->now_ms = MAX(world->now_ms, world->next_ms);
		world_settle(world);
		check(world->next_ms > world->now_ms);  /* what was due is done */
	}
	world->now_ms = until;
	world_settle(world);
}

static void add_version(struct change_list *list, const char *service_id, uint64_t number, const struct service_spec *spec)
{
	char id[SERVICE_VERSION_ID_SIZE];
	struct service_version *version = change_create(list, KIND_SERVICE_VERSION, service_version_id(service_id, number, id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));
	struct err err;

	version->service_id = arena_strdup(list->arena, service_id);
	version->version = number;
	shape_copy(&service_spec_shape, spec, list->arena, &version->spec);
	service_spec_normalize(&version->spec, list->arena);
	if (validate_service_spec(&version->spec, &err) < 0)
		panic("service %s: %s", service_id, err.text);
}

void world_create_service(struct world *world, const char *id, const struct service_spec *spec)
{
	struct write write;
	struct service *service;

	add_version(begin(&write), id, 1, spec);
	service = change_create(&write.list, KIND_SERVICE, id, FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_TEMPLATE_VERSION));
	service->spec_version = service->template_version = 1;
	commit(world, &write);
}

void world_update_service(struct world *world, const char *id, const struct service_spec *spec)
{
	const struct service *old = view_service(world->view, id);
	const struct service_version *added;
	struct write write;
	struct service *service;

	check(old);
	add_version(begin(&write), id, old->spec_version + 1, spec);
	added = write.list.items[0].value;
	service = change_update(&write.list, KIND_SERVICE, id, FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_PREVIOUS_VERSION) |
				FIELD_BIT(SERVICE_TEMPLATE_VERSION) | FIELD_BIT(SERVICE_UPDATE));
	service->spec_version = old->spec_version + 1;
	service->previous_version = old->spec_version;
	service->template_version = old->template_version;
	if (service_template_changed(view_service_spec(world->view, id, old->spec_version), &added->spec))
		service->template_version = service->spec_version;
	commit(world, &write);
}

void world_remove_service(struct world *world, const char *id)
{
	struct write write;

	change_remove(begin(&write), KIND_SERVICE, id);
	commit(world, &write);
}

void world_put_node(struct world *world, const char *id, const struct node *node)
{
	uint64_t mask = FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_DESCRIPTION) | FIELD_BIT(NODE_STATUS) | FIELD_BIT(NODE_MANAGER) |
			FIELD_BIT(NODE_STATUS_MS);
	const struct node *old = view_node(world->view, id);
	struct write write;
	struct node *value;

	begin(&write);
	value = old ? change_update(&write.list, KIND_NODE, id, mask) : change_create(&write.list, KIND_NODE, id, mask);
	shape_copy(&node_shape, node, &write.arena, value);
	value->status_ms = old && old->status.state == node->status.state ? old->status_ms : world->now_ms;
	commit(world, &write);
}

void world_remove_node(struct world *world, const char *id)
{
	struct write write;

	change_remove(begin(&write), KIND_NODE, id);
	commit(world, &write);
}

void world_set_history(struct world *world, uint64_t limit)
{
	struct write write;
	struct cluster *cluster = change_update(begin(&write), KIND_CLUSTER, "cluster", FIELD_BIT(CLUSTER_SPEC));

	cluster->spec.orchestration.task_history = (struct opt_u64){ true, limit };
	cluster_spec_defaults(&cluster->spec, &write.arena);
	commit(world, &write);
}

void world_report(struct world *world, const char *task_id, enum task_state state, const char *error)
{
	const struct task *old = view_task(world->view, task_id);
	struct write write;
	struct task *task;

	check(old && (int)state >= old->state);
	task = change_update(begin(&write), KIND_TASK, task_id, FIELD_BIT(TASK_STATE) | FIELD_BIT(TASK_STATE_MS) |
			     FIELD_BIT(TASK_MESSAGE) | FIELD_BIT(TASK_ERROR));
	task->state = (int)state;
	task->state_ms = world->now_ms;
	task->message = arena_strdup(&write.arena, task_state_name(state));
	task->error = arena_strdup(&write.arena, error);
	commit(world, &write);
}
