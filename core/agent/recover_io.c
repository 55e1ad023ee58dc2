/* After a start of the agent: what node.db says should be here is brought together with what the host really has.
 *
 * Order: assignments and last statuses from node.db → live shims and ended containers → their network legs, image layers and host ports
 * → whatever nobody explains is swept → every task's machine goes on from its facts → the first port table.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_internal.h"
#include "agent/solo_io.h"
#include "agent/task_container.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/log.h"
#include "store/node_tables.h"

/* Collected on the store thread while the loop waits. */
struct loading { struct agent *agent; struct arena arena; struct map *statuses; struct err err; };
enum { LOAD_ARENA_MAX = 256 << 20 };

static int load_assignment(void *arg, unsigned table, const char *id, const void *bytes, size_t size, struct err *err)
{
	struct loading *loading = arg;
	struct assignment assignment;

	(void)table;
	if (shape_decode(&assignment_shape, reader_of(bytes, size), &loading->arena, &assignment, err) < 0 ||
	    !str_eq(assignment.task_id, id))
		return err_set(err, ERR_IO, "node.db: assignment '%s' is damaged", id);
	run_new(loading->agent, &assignment)->is_saved = true;
	return 0;
}

static int load_status(void *arg, unsigned table, const char *id, const void *bytes, size_t size, struct err *err)
{
	struct loading *loading = arg;
	struct task_status *status = ARENA_NEW(&loading->arena, struct task_status);

	(void)table;
	if (shape_decode(&task_status_shape, reader_of(bytes, size), &loading->arena, status, err) < 0)
		return err_set(err, ERR_IO, "node.db: status of task '%s' is damaged", id);
	map_put(loading->statuses, id, status);
	return 0;
}

static void resume_ended(struct run *run, const struct task_status *status)
{
	run->machine.state = status->state;
	run->machine.exit_code = (int)status->exit_code;
	run->machine.message = status->state == TASK_COMPLETE ? "finished" : status->state == TASK_SHUTDOWN ? "shutdown" : "started";
	str_copy(run->machine.error, sizeof run->machine.error, status->error ? status->error : "");
}

static int load(struct agent *agent, struct err *err)
{
	struct loading loading = { .agent = agent, .statuses = map_new() };
	void *status;
	const char *id;
	int rc;

	arena_init(&loading.arena, "recover", LOAD_ARENA_MAX);
	rc = store_node_load(agent->cfg.store, NODE_TABLE_ASSIGNMENT, load_assignment, &loading, err) < 0 ||
	     store_node_load(agent->cfg.store, NODE_TABLE_STATUS, load_status, &loading, err) < 0 ? -1 : 0;
	for (size_t at = 0; rc == 0 && map_next(loading.statuses, &at, &id, &status);) {
		struct run *run = map_get(agent->runs, id);
		if (run && ((struct task_status *)status)->state == TASK_RUNNING)
			run->was_running = true;
		else if (run)
			resume_ended(run, status);
	}
	map_free(loading.statuses);
	arena_fini(&loading.arena);
	return rc;
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

static void hold_layers_again(struct run *run)
{
	const char *layers = container_label(&run->hosted.spec, TASK_LABEL_LAYERS);
	struct strlist list;

	if (str_is_empty(layers))
		return;
	list = str_split(layers, ',');
	hosted_hold_again(&run->hosted, (const char *const *)list.items, list.count);
	strlist_fini(&list);
}

/* "80/tcp=32768,…" back into the ports. */
static void restore_host_ports(struct run *run)
{
	const char *label = container_label(&run->hosted.spec, TASK_LABEL_PORTS);
	struct strlist list;
	size_t at = 0;

	if (str_is_empty(label))
		return;
	list = str_split(label, ',');
	for (size_t i = 0; i < run->hosted.port_count; i++) {
		const char *number;
		uint64_t value;

		if (run->hosted.ports[i].publish_mode != PUBLISH_HOST || at >= list.count)
			continue;
		number = strchr(list.items[at++], '=');
		if (number && str_to_u64(number + 1, &value) == 0)
			run->hosted.ports[i].published_port = value;
	}
	strlist_fini(&list);
}

static void adopt(struct agent *agent, const struct runtime_info *info, struct container_spec *spec, struct run *run)
{
	struct task_facts facts = { .state = run->machine.state, .has_container = true, .exit_code = info->exit_code,
				    .oom_killed = info->oom_killed };
	const char *image = container_label(spec, TASK_LABEL_IMAGE);
	struct err err;

	run->hosted.spec = *spec;
	run->hosted.image_id = image ? image : "";
	hosted_take_container(&run->hosted, info->id);
	run_learn_health(run);
	facts.has_health = run->machine.has_health;
	facts.was_running = run->was_running;
	hold_layers_again(run);
	restore_host_ports(run);
	facts.is_started = info->state == RUNTIME_RUNNING || (info->state == RUNTIME_EXITED && info->started_wall);
	facts.has_exited = info->state == RUNTIME_EXITED;
	facts.is_attached = net_adopt(agent->cfg.net, run->assignment.task_id, &run->hosted.address, &err) == 0;
	if (!facts.has_exited)
		hosted_reserve_again(&run->hosted);
	run->hosted.has_told_mounted = facts.is_started;
	for (size_t i = 0; i < spec->mount_count; i++) {
		volumes_claim(agent->cfg.volumes, spec->mounts[i].name, info->id);
		if (!facts.has_exited)
			volumes_adopt(agent->cfg.volumes, spec->mounts[i].name, info->id);
	}
	if (run->machine.state <= TASK_RUNNING) {
		task_run_resume(&run->machine, &facts);
		str_copy(run->machine.error, sizeof run->machine.error, info->error);
	} else {
		run->machine.has_container = true;
		run->machine.has_exited = facts.has_exited;
		run->machine.is_started = facts.is_started;
		run->machine.is_attached = facts.is_attached;
	}
	if (info->state == RUNTIME_RUNNING)
		run_watch_health(run, info->started_wall);
}

static void adopt_containers(struct agent *agent)
{
	struct runtime_info info;
	struct strlist ids = { 0 };

	for (size_t at = 0; runtime_next(agent->cfg.runtime, &at, &info);)
		strlist_add(&ids, info.id);
	for (size_t i = 0; i < ids.count; i++) {
		struct container_spec spec;
		struct arena arena;
		struct run *run;
		struct err err;
		const char *task_id;

		if (!runtime_inspect(agent->cfg.runtime, ids.items[i], &info) || info.state < RUNTIME_CREATED ||
		    info.state == RUNTIME_REMOVING)
			continue;
		arena_init(&arena, "task", LOAD_ARENA_MAX);
		if (runtime_spec(agent->cfg.runtime, ids.items[i], &arena, &spec, &err) < 0) {
			log_warn("container %.12s: %s; it is removed", ids.items[i], err.text);
			arena_fini(&arena);
			continue;
		}
		task_id = container_label(&spec, TASK_LABEL_ID);
		run = task_id ? map_get(agent->runs, task_id) : NULL;
		if (run && !run->hosted.container_id[0]) {
			arena_fini(&run->hosted.arena);
			run->hosted.arena = arena;
			runtime_inspect(agent->cfg.runtime, ids.items[i], &info);
			adopt(agent, &info, &spec, run);
		} else {
			arena_fini(&arena);     /* nobody's: swept below */
		}
	}
	strlist_fini(&ids);
}

/* ---- the sweep, then off we go ----------------------------------------------------------------------------------- */

static void go_on(struct agent *agent)
{
	struct strlist ids = { 0 };
	const char *id;
	void *value;

	agent->is_ready = true;
	for (size_t at = 0; map_next(agent->runs, &at, &id, &value);)
		strlist_add(&ids, id);
	for (size_t i = 0; i < ids.count; i++) {
		struct run *run = map_get(agent->runs, ids.items[i]);
		if (!run)
			continue;
		if (run->machine.state > TASK_RUNNING)
			run_has_ended(run);
		run_feed(run, &(struct task_in){ .event = TASK_DESIRE, .desired = run->assignment.desired });
	}
	strlist_fini(&ids);
	boxes_feed(agent, &(struct solo_in){ .event = SOLO_RESUME });
	agent_publish_flush_later(agent);
	agent->ready(agent->ready_arg, NULL);
}

static void net_swept(void *arg, const struct err *failure)
{
	struct agent *agent = arg;

	if (failure)
		log_warn("network: leftovers could not be removed: %s", failure->text);
	image_store_sweep(agent->cfg.images);
	agent_sweep_secrets(agent);
	go_on(agent);
}

static void containers_swept(void *arg, const struct err *failure)
{
	struct agent *agent = arg;

	if (failure)
		log_warn("containers: leftovers could not be removed: %s", failure->text);
	net_sweep(agent->cfg.net, net_swept, agent);
}

static void recovered(void *arg, const struct err *failure)
{
	struct agent *agent = arg;
	const char **known;
	size_t count = 0;
	const char *id;
	void *run;

	if (failure) {
		agent->ready(agent->ready_arg, failure);
		return;
	}
	adopt_containers(agent);
	boxes_adopt(agent);
	volumes_settle(agent->cfg.volumes);
	known = NEW_ARRAY(const char *, map_count(agent->by_container) + 1);
	for (size_t at = 0; map_next(agent->by_container, &at, &id, &run);)
		known[count++] = id;
	runtime_sweep(agent->cfg.runtime, known, count, containers_swept, agent);
	free(known);
}

int agent_recover(struct agent *agent, struct err *err)
{
	if (load(agent, err) < 0 || boxes_load(agent, err) < 0)
		return -1;
	runtime_recover(agent->cfg.runtime, recovered, agent);
	return 0;
}
