/* A cluster that is never left in peace: services come, change and go, nodes drain, fail and return, tasks end for any reason,
 * leaders change, answers are lost. What must never be wrong is checked all the time; and left in peace, all comes right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "orchestrate/ledger.h"
#include "orchestrate/outdated.h"
#include "test/unit/orchestrate/world.h"
#include "test/unit/runner.h"

enum { SERVICES = 6, NODES = 5, STEPS = 400, SEEDS = 60 };
static const char *const zones[] = { "east", "west" };

struct sim {
	struct world world;
	struct rng rng;
	uint64_t force;
	uint64_t seed, step;
	bool is_calm;                   /* no failures, no constraints */
	bool is_resting;                /* nothing may change */
	size_t resting_changes;
};

static bool chance(struct sim *sim, uint64_t one_in)
{
	return rng_below(&sim->rng, one_in) == 0;
}

static void print_tasks(const struct view *view)
{
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(view, KIND_SERVICE, &at));)
		printf("  service %s v%llu, template v%llu, update %d\n", object->meta.id,
		       (unsigned long long)VIEW_VALUE(service, object)->spec_version,
		       (unsigned long long)VIEW_VALUE(service, object)->template_version, VIEW_VALUE(service, object)->update.state);

	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));) {
		const struct task *task = object->value;
		printf("  %s %s.%llu v%llu on %s: %s, %s%s %s\n", object->meta.id, task->service_id,
		       (unsigned long long)task->slot, (unsigned long long)task->spec_version, task->node_id ? task->node_id : "-",
		       task_state_name((enum task_state)task->desired), task_state_name((enum task_state)task->state),
		       task->update_version ? ", by update" : "", task->error ? task->error : "");
	}
}

static void fail(const struct sim *sim, const char *what, const char *id)
{
	printf("seed %llu, step %llu: %s (%s)\n", (unsigned long long)sim->seed, (unsigned long long)sim->step, what, id);
	print_tasks(sim->world.view);
	EXPECT(!"an invariant");
	abort();
}

/* ---- what may never be wrong ------------------------------------------------------------------------ */

/* Why a task waits is told as of the last try: a node that has become fuller since is no reason to try again. */
static bool is_reason_only(const struct change *change)
{
	const uint64_t reason = FIELD_BIT(TASK_ERROR) | FIELD_BIT(TASK_STATE_MS);

	return change->kind == KIND_TASK && change->op == CHANGE_UPDATE && !(change->mask & ~reason);
}

static void check_change(void *arg, const struct change *change)
{
	struct sim *sim = arg;
	const struct task *before = view_task(sim->world.view, change->id), *after = change->value;

	if (sim->is_resting && !is_reason_only(change) && ++sim->resting_changes)
		printf("  %s %s, fields %llx\n", kind_name(change->kind), change->id, (unsigned long long)change->mask);
	if (change->kind != KIND_TASK || change->op == CHANGE_CREATE)
		return;
	if (change->op == CHANGE_REMOVE) {
		/* one that was wanted until now was ended by the enforcer in the same call */
		if (!task_is_wanted(before) && ledger_counts(before) && view_node(sim->world.view, before->node_id))
			fail(sim, "a task that may run is deleted", change->id);
		return;
	}
	if ((change->mask & FIELD_BIT(TASK_STATE)) && after->state < before->state)
		fail(sim, "a state goes back", change->id);
	if ((change->mask & FIELD_BIT(TASK_DESIRED)) && after->desired < before->desired)
		fail(sim, "a desired state goes back", change->id);
	if ((change->mask & FIELD_BIT(TASK_NODE)) && !str_is_empty(before->node_id))
		fail(sim, "a task is moved", change->id);
}

static const char *place_of(const struct task *task, char text[80])
{
	if (task->slot)
		snprintf(text, 80, "%s.%llu", task->service_id, (unsigned long long)task->slot);
	else
		snprintf(text, 80, "%s.%s", task->service_id, task->node_id);
	return text;
}

/* One wanted task of the current template in each place. */
static void check_places(struct sim *sim)
{
	const struct view_object *object;
	struct map *seen = map_new();
	char place[80];

	for (size_t at = 0; (object = view_next(sim->world.view, KIND_TASK, &at));) {
		const struct task *task = object->value;
		if (!view_service(sim->world.view, task->service_id) || !task_is_wanted(task))
			continue;
		if (!task_is_outdated(sim->world.view, task) && map_put(seen, place_of(task, place), sim))
			fail(sim, "two tasks in one slot", place);
	}
	map_free(seen);
}

static void check_ports(struct sim *sim)
{
	const struct view_object *object;
	struct map *seen = map_new();
	char key[40];

	for (size_t at = 0; (object = view_next(sim->world.view, KIND_SERVICE, &at));) {
		const struct service *service = object->value;
		for (size_t i = 0; i < service->ports.count; i++) {
			const struct port_config *port = &service->ports.items[i];
			snprintf(key, sizeof key, "%d/%llu", port->protocol, (unsigned long long)port->published_port);
			if (port->publish_mode == PUBLISH_INGRESS && (port->published_port == 0 || map_put(seen, key, sim)))
				fail(sim, "a port twice", key);
		}
	}
	map_free(seen);
}

/* What is wanted on an active node fits into it; and the ledger's line says what adding up says. */
static void check_node(struct sim *sim, const struct view_object *node)
{
	const struct node_resources *all = &VIEW_VALUE(node, node)->description.resources;
	struct ledger *ledger = dirty_ledger(sim->world.dirty);
	int64_t wanted_memory = 0, memory = 0;
	uint64_t active = 0;
	size_t port_users = 0;

	for (const struct view_object *object = view_tasks_of_node(sim->world.view, node->meta.id); object;
	     object = object->next_of_node) {
		const struct task *task = object->value;
		const struct service_spec *spec = view_service_spec(sim->world.view, task->service_id, task->spec_version);
		if (!ledger_counts(task))
			continue;
		memory += spec->task.resources.reservations.memory_bytes;
		if (task_is_wanted(task)) {
			active++;
			wanted_memory += spec->task.resources.reservations.memory_bytes;
		}
		for (size_t i = 0; i < spec->endpoint.ports.count; i++)
			port_users += port_is_fixed_on_host(&spec->endpoint.ports.items[i]);
	}
	if (VIEW_VALUE(node, node)->spec.availability == AVAILABILITY_ACTIVE &&
	    VIEW_VALUE(node, node)->status.state != NODE_DOWN && wanted_memory > all->memory_bytes)
		fail(sim, "a node is promised twice", node->meta.id);
	if (port_users > 1)
		fail(sim, "a host port is given twice", node->meta.id);
	ledger_open(ledger, sim->world.view);
	const struct ledger_line *line = ledger_find(ledger, sim->world.view, node->meta.id);
	if (line->memory_bytes != memory || line->active != active || line->port_count != port_users)
		fail(sim, "the ledger drifts", node->meta.id);
}

/* Nothing that nobody needs stays, and nothing that somebody needs went. */
static void check_remains(struct sim *sim)
{
	const struct view *view = sim->world.view;
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));) {
		const struct task *task = object->value;
		if (!view_service_spec(view, task->service_id, task->spec_version))
			fail(sim, "a task without its spec", object->meta.id);
		if (!view_service(view, task->service_id) && (task_is_done(task) || task->state < TASK_ASSIGNED))
			fail(sim, "a dead task of no service", object->meta.id);
		if (task->desired == TASK_REMOVE && task_is_done(task))
			fail(sim, "a dead task that was to vanish", object->meta.id);
	}
	for (size_t at = 0; (object = view_next(view, KIND_SLOT, &at));)
		if (!view_service(view, VIEW_VALUE(slot, object)->service_id))
			fail(sim, "a history of no service", object->meta.id);
	for (size_t at = 0; (object = view_next(view, KIND_SERVICE_VERSION, &at));) {
		const char *id = VIEW_VALUE(service_version, object)->service_id;
		if (!view_service(view, id) && !view_tasks_of_service(view, id))
			fail(sim, "a version of no service", object->meta.id);
	}
}

/* A leader that knows the view alone finds nothing to do where this one has come to rest. */
static void check_rest(struct sim *sim)
{
	struct dirty *ours = sim->world.dirty;
	struct rng rng = sim->world.rng;
	msec next_ms = sim->world.next_ms;

	sim->world.dirty = dirty_new();
	dirty_add_all(sim->world.dirty, sim->world.view);
	sim->is_resting = true;
	world_settle(&sim->world);
	sim->is_resting = false;
	if (sim->resting_changes > 0)
		fail(sim, "run again, it has more to say", "");
	if (sim->world.next_ms != next_ms)
		fail(sim, "two leaders look at different clocks", "");
	dirty_free(ours);
	sim->world.rng = rng;
}

static void check_all(struct sim *sim)
{
	const struct view_object *node;

	check_places(sim);
	check_ports(sim);
	for (size_t at = 0; (node = view_next(sim->world.view, KIND_NODE, &at));)
		check_node(sim, node);
	check_remains(sim);
	if (chance(sim, 4))
		check_rest(sim);
}

/* ---- what happens ----------------------------------------------------------------------------------- */

static const char *service_name(struct sim *sim, char name[16])
{
	snprintf(name, 16, "s%llu", (unsigned long long)rng_below(&sim->rng, SERVICES));
	return name;
}

static const char *node_name(struct sim *sim, char name[16])
{
	snprintf(name, 16, "n%llu", (unsigned long long)rng_below(&sim->rng, NODES));
	return name;
}

static void random_policy(struct sim *sim, struct service_spec *spec, struct arena *arena)
{
	struct restart_policy *policy = ARENA_NEW(arena, struct restart_policy);

	policy->condition = (int)rng_below(&sim->rng, 4);
	policy->delay_ns = (struct opt_u64){ chance(sim, 2), rng_below(&sim->rng, 8) * 1000000000 };
	policy->max_attempts.value = chance(sim, 2) ? rng_below(&sim->rng, 4) : 0;
	policy->window_ns = (struct opt_u64){ chance(sim, 2), 20000000000 };
	spec->task.restart = policy;
}

static void random_limits(struct sim *sim, struct service_spec *spec, struct arena *arena)
{
	if (chance(sim, 3))
		spec->task.resources.reservations.memory_bytes = (int64_t)(1 + rng_below(&sim->rng, 4)) << 30;
	if (chance(sim, 4) && !spec->mode.global)
		spec->task.placement.max_replicas = 1 + rng_below(&sim->rng, 2);
	if (chance(sim, 4)) {
		spec->task.placement.constraints.items = ARENA_ARRAY(arena, char *, 1);
		spec->task.placement.constraints.items[0] =
			arena_printf(arena, "node.labels.zone==%s", zones[rng_below(&sim->rng, 2)]);
		spec->task.placement.constraints.count = 1;
	}
}

static void random_ports(struct sim *sim, struct service_spec *spec, struct arena *arena)
{
	size_t count = rng_below(&sim->rng, 3);

	spec->endpoint.ports.items = ARENA_ARRAY(arena, struct port_config, count + 1);
	for (size_t i = 0; i < count; i++)
		spec->endpoint.ports.items[spec->endpoint.ports.count++] = (struct port_config){
			.target_port = 80 + i, .protocol = 1 + (int)rng_below(&sim->rng, 2), .publish_mode = PUBLISH_INGRESS };
	if (chance(sim, 6) && !sim->is_calm)
		spec->endpoint.ports.items[spec->endpoint.ports.count++] = (struct port_config){
			.target_port = 443, .published_port = 4430, .protocol = PROTOCOL_TCP, .publish_mode = PUBLISH_HOST };
}

/* The mode is a matter of the name: it may not change. */
static void random_spec(struct sim *sim, const char *name, struct service_spec *spec, struct arena *arena)
{
	*spec = (struct service_spec){ .name = arena_strdup(arena, name) };
	spec->task.container.image = arena_printf(arena, "a%llu", (unsigned long long)rng_below(&sim->rng, 3));
	spec->task.force_update = sim->is_calm ? ++sim->force : 0;
	if (name[1] < '2')
		spec->mode.global = ARENA_NEW(arena, struct global_mode);
	else
		spec->mode.replicated = ARENA_NEW(arena, struct replicated);
	if (spec->mode.replicated)
		spec->mode.replicated->replicas = (struct opt_u64){ true, rng_below(&sim->rng, 7) };
	spec->update = ARENA_NEW(arena, struct update_config);
	spec->update->parallelism = rng_below(&sim->rng, 3);
	spec->update->order = (int)rng_below(&sim->rng, 3);
	random_policy(sim, spec, arena);
	random_ports(sim, spec, arena);
	if (!sim->is_calm)
		random_limits(sim, spec, arena);
}

static void put_service(struct sim *sim, const char *name)
{
	struct service_spec spec;
	struct arena arena;

	arena_init(&arena, "spec", 1 << 20);
	random_spec(sim, name, &spec, &arena);
	if (view_service(sim->world.view, name))
		world_update_service(&sim->world, name, &spec);
	else
		world_create_service(&sim->world, name, &spec);
	arena_fini(&arena);
}

/* A name is used again only when nothing is left of its last bearer: real ids are never used twice. */
static void service_happens(struct sim *sim)
{
	const struct view *view = sim->world.view;
	char name[16];

	service_name(sim, name);
	if (!view_service(view, name) && (view_tasks_of_service(view, name) || view_versions_of_service(view, name)))
		return;
	if (view_service(view, name) && chance(sim, 4))
		world_remove_service(&sim->world, name);
	else
		put_service(sim, name);
}

static void put_node(struct sim *sim, const char *name)
{
	struct str_pair zone = { (char[]){ "zone" }, (char *)(uintptr_t)zones[rng_below(&sim->rng, 2)] };
	struct node node = { .spec.labels = { &zone, 1 }, .status.state = NODE_READY };

	node.description.resources = (struct node_resources){ 8000000000, (int64_t)16 << 30 };
	if (!sim->is_calm) {
		node.spec.availability = (int)(chance(sim, 2) ? 0 : rng_below(&sim->rng, 3));
		node.status.state = chance(sim, 3) ? (int)rng_below(&sim->rng, 4) : NODE_READY;
		node.description.resources.memory_bytes = (int64_t)(2 + rng_below(&sim->rng, 10)) << 30;
	}
	world_put_node(&sim->world, name, &node);
}

static void node_happens(struct sim *sim)
{
	char name[16];

	node_name(sim, name);
	if (view_node(sim->world.view, name) && chance(sim, 6))
		world_remove_node(&sim->world, name);
	else
		put_node(sim, name);
}

/* What a node makes of a task; -1: nothing now. */
static int next_state(struct sim *sim, const struct task *task)
{
	const struct node *node = view_node(sim->world.view, task->node_id ? task->node_id : "");

	if (!node || node->status.state != NODE_READY || task->state < TASK_ASSIGNED || task_is_done(task))
		return -1;
	if (!sim->is_calm && chance(sim, 8))
		return task->state < TASK_STARTING ? TASK_REJECTED : chance(sim, 2) ? TASK_FAILED : TASK_COMPLETE;
	if (task->desired > TASK_RUNNING)
		return TASK_SHUTDOWN;
	if (task->state >= task->desired)
		return -1;
	int further = task->state + 1 + (int)rng_below(&sim->rng, 3);
	return MIN(task->desired, further);
}

/* Some tasks move on; true when any did. */
static bool agents_work(struct sim *sim, uint64_t one_in)
{
	const struct view_object *object;
	char (*ids)[ID_SIZE];
	size_t count = 0;
	bool any = false;

	ids = mem_new(view_count(sim->world.view, KIND_TASK) + 1, sizeof *ids);
	for (size_t at = 0; (object = view_next(sim->world.view, KIND_TASK, &at));)
		str_copy(ids[count++], ID_SIZE, object->meta.id);
	for (size_t i = 0; i < count; i++) {
		const struct task *task = view_task(sim->world.view, ids[i]);
		int state;
		if (!task || !chance(sim, one_in) || (state = next_state(sim, task)) < 0)
			continue;
		world_report(&sim->world, ids[i], (enum task_state)state, NULL);
		any = true;
		if (chance(sim, 3))
			world_step(&sim->world);
	}
	free(ids);
	return any;
}

/* The leader is gone with its answer, another begins. */
static void leader_changes(struct sim *sim)
{
	if (chance(sim, 2)) {
		struct arena arena;
		struct orchestrate_out out;
		arena_init(&arena, "lost", 1 << 28);
		orchestrate(&(struct orchestrate_in){ .view = sim->world.view, .dirty = sim->world.dirty, .arena = &arena,
						      .now_ms = sim->world.now_ms, .rng = &sim->world.rng }, &out);
		arena_fini(&arena);
	} else {
		dirty_free(sim->world.dirty);
		sim->world.dirty = dirty_new();
	}
	dirty_add_all(sim->world.dirty, sim->world.view);
}

static void something_happens(struct sim *sim)
{
	switch (rng_below(&sim->rng, 12)) {
	case 0: case 1:
		service_happens(sim);
		break;
	case 2:
		node_happens(sim);
		break;
	case 3:
		world_wait(&sim->world, (msec)rng_below(&sim->rng, 10000));
		break;
	case 4:
		leader_changes(sim);
		break;
	case 5:
		if (chance(sim, 6))
			world_set_history(&sim->world, rng_below(&sim->rng, 7));
		break;
	case 6:
		/* the smallest that one whole step needs: a slot with some wanted tasks */
		sim->world.limits = (struct orchestrate_limits){ rng_below(&sim->rng, 30), chance(sim, 2) ? 0 : 6 + rng_below(&sim->rng, 20) };
		break;
	default:
		agents_work(sim, 3);
		break;
	}
}

/* ---- the end ---------------------------------------------------------------------------------------- */

static void calm_down(struct sim *sim)
{
	char name[16];

	sim->is_calm = true;
	for (int i = 0; i < NODES; i++) {
		snprintf(name, sizeof name, "n%d", i);
		put_node(sim, name);
	}
	for (int i = 0; i < SERVICES; i++) {
		snprintf(name, sizeof name, "s%d", i);
		if (view_service(sim->world.view, name))
			put_service(sim, name);
	}
	do {
		world_wait(&sim->world, 1000);
	} while (agents_work(sim, 1) || sim->world.next_ms < INT64_MAX / 2);
}

static size_t count_running(const struct view *view, const char *service_id)
{
	size_t count = 0;

	for (const struct view_object *o = view_tasks_of_service(view, service_id); o; o = o->next_of_service) {
		const struct task *task = o->value;
		count += task->state == TASK_RUNNING && task->desired == TASK_RUNNING && !task_is_outdated(view, task);
	}
	return count;
}

static void check_converged(struct sim *sim)
{
	const struct view *view = sim->world.view;
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(view, KIND_SERVICE, &at));) {
		const struct service_spec *spec = view_current_spec(view, object);
		size_t want = service_is_global(spec) ? view_count(view, KIND_NODE) : service_replicas(spec);
		if (count_running(view, object->meta.id) != want)
			fail(sim, "left in peace, it is not what was asked for", object->meta.id);
		if (VIEW_VALUE(service, object)->update.state == UPDATE_UPDATING)
			fail(sim, "an update does not end", object->meta.id);
	}
	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));)
		if (!task_is_wanted(object->value) && !task_is_done(object->value))
			fail(sim, "a task was never stopped", object->meta.id);
	check_rest(sim);
}

static void simulate(uint64_t seed)
{
	struct sim sim = { .seed = seed };

	rng_seed(&sim.rng, seed);
	world_init(&sim.world, seed + 1);
	sim.world.on_change = check_change;
	sim.world.arg = &sim;
	for (int i = 0; i < NODES; i++)
		node_happens(&sim);
	for (sim.step = 0; sim.step < STEPS; sim.step++) {
		something_happens(&sim);
		if (chance(&sim, 2)) {
			world_settle(&sim.world);
			check_all(&sim);
		}
	}
	calm_down(&sim);
	check_all(&sim);
	check_converged(&sim);
	world_fini(&sim.world);
}

/* SEED=n repeats one, SIM_SEEDS=n runs as many. */
TEST_TIMEOUT(a_cluster_in_turmoil_keeps_its_promises, 1800)
{
	const char *only = getenv("SEED");

	if (only) {
		simulate(strtoull(only, NULL, 10));
		return;
	}
	const char *count = getenv("SIM_SEEDS");
	for (uint64_t seed = 1; seed <= (count ? strtoull(count, NULL, 10) : SEEDS); seed++)
		simulate(seed);
}
