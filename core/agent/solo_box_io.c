/* One container outside of services: made of its row, its row written, its spec planned from that. */
#include "agent/solo_io.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/container_words.h"
#include "store/node_tables.h"

enum { BOX_ARENA_MAX = 64 << 20, PORTS_ARENA_MAX = 1 << 20, MOUNTS_ARENA_MAX = 8 << 20 };

static void timer_fired(void *arg)
{
	box_feed(arg, &(struct solo_in){ .event = SOLO_TIMER });
}

static enum solo_policy policy_of(const struct container_restart_policy *policy)
{
	switch (container_restart_parse(policy->name)) {
	case CONTAINER_RESTART_UNKNOWN:
	case CONTAINER_RESTART_NO: return SOLO_NEVER;
	case CONTAINER_RESTART_ON_FAILURE: return SOLO_ON_FAILURE;
	case CONTAINER_RESTART_ALWAYS: return SOLO_ALWAYS;
	case CONTAINER_RESTART_UNLESS_STOPPED: return SOLO_UNLESS_STOPPED;
	}
	panic("restart policy");
}

void box_set_policy(struct solo_box *box)
{
	box->machine.policy = policy_of(&box->row.host.restart);
	box->machine.max_restarts = (unsigned)MIN(box->row.host.restart.max_retries, (int64_t)INT32_MAX);
}

/* What it publishes, from its request; the ports of the host are chosen when it starts. */
static void set_ports(struct solo_box *box)
{
	struct hosted *hosted = &box->hosted;
	struct container_port *ports;
	struct arena arena;
	struct err err;
	size_t count = 0;

	arena_init(&arena, "ports", PORTS_ARENA_MAX);
	if (container_network_of(&box->row.host) == PREDEFINED_BRIDGE &&
	    container_ports(&box->row.config, &box->row.host, &arena, &ports, &count, &err) < 0)
		count = 0;              /* refused at create */
	hosted->ports = NEW_ARRAY(struct port_config, count + 1);
	for (size_t i = 0; i < count; i++)
		hosted->ports[i] = (struct port_config){ .protocol = ports[i].name.protocol, .target_port = ports[i].name.port,
							 .publish_mode = PUBLISH_HOST, .host_ip = ports[i].ip };
	hosted->port_count = count;
	arena_fini(&arena);
}

/* Before anything of it exists: what another container leaves behind, or nobody uses, may be just what this one is to have. */
static void claim_volumes(const struct solo_box *box)
{
	struct volumes *volumes = box->hosted.agent->cfg.volumes;
	struct mount *mounts;
	struct arena arena;
	struct err err;
	size_t count;

	arena_init(&arena, "claims", MOUNTS_ARENA_MAX);
	for (size_t i = 0; i < box->row.volumes.count; i++)
		volumes_claim(volumes, box->row.volumes.items[i].name, box->row.id);
	if (solo_mounts(&box->row, &arena, &mounts, &count, &err) < 0)
		count = 0;              /* told when it is planned */
	for (size_t i = 0; i < count; i++)
		if (mounts[i].type == MOUNT_VOLUME)
			volumes_claim(volumes, mounts[i].source, box->row.id);
	arena_fini(&arena);
}

struct solo_box *box_new(struct agent *agent, const struct container_row *row)
{
	struct solo_box *box = NEW(struct solo_box);
	bool has_network = container_network_of(&row->host) != PREDEFINED_HOST;

	shape_copy(&container_row_shape, row, NULL, &box->row);
	hosted_init(&box->hosted, agent, true, box->row.id, "container");
	timer_init(&box->timer, agent->cfg.loop, timer_fired, box);
	list_init(&box->asks);
	list_init(&box->attaches);
	set_ports(box);
	claim_volumes(box);
	solo_init(&box->machine, has_network, box->hosted.port_count > 0, solo_stop_grace_ms(&box->row.config));
	box_set_policy(box);
	box->machine.goes_at_end = box->row.host.auto_remove;
	box->machine.was_started = box->row.was_started;
	box->machine.is_stopped = box->row.is_stopped;
	box->machine.is_removing = box->row.is_removing;
	box->machine.restarts = (unsigned)box->row.restarts;
	box->machine.exit_code = (int)box->row.exit_code;
	box->machine.oom_killed = box->row.oom_killed;
	str_copy(box->machine.error, sizeof box->machine.error, box->row.error ? box->row.error : "");
	box->hosted.image_id = box->row.image_id;
	map_put(agent->boxes, box->row.id, box);
	return box;
}

void box_free(struct solo_box *box)
{
	timer_cancel(&box->timer);
	LIST_EACH(item, &box->asks)
		free(CONTAINER_OF(item, struct box_ask, node));
	box_drop_attaches(box, NULL);
	volumes_disclaim(box->hosted.agent->cfg.volumes, box->row.id);
	hosted_drop_container(&box->hosted);
	if (!box->machine.is_gone)
		map_remove(box->hosted.agent->boxes, box->row.id);
	hosted_fini(&box->hosted);
	shape_fini(&container_row_shape, &box->row);
	free(box);
}

/* ---- its row --------------------------------------------------------------------------------------------------- */

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = str_is_empty(value) ? NULL : str_dup(value);
}

static void take_ports(struct solo_box *box)
{
	struct container_row *row = &box->row;

	free(row->ports.items);         /* they hold no names */
	row->ports.items = box->hosted.port_count ? NEW_ARRAY(struct port_config, box->hosted.port_count) : NULL;
	row->ports.count = box->hosted.port_count;
	for (size_t i = 0; i < row->ports.count; i++)
		row->ports.items[i] = box->hosted.ports[i];
}

static void fill_row(struct solo_box *box)
{
	struct container_row *row = &box->row;
	const struct solo *machine = &box->machine;

	row->was_started = machine->was_started;
	row->is_stopped = machine->is_stopped;
	row->is_removing = machine->is_removing;
	row->is_running = solo_is_alive(machine);
	row->restarts = machine->restarts;
	row->exit_code = machine->exit_code;
	row->oom_killed = machine->oom_killed;
	set_text(&row->error, machine->error);
	take_ports(box);
}

int box_save(struct solo_box *box, store_done_fn *done, void *arg, struct err *err)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct store_row row = { .table = NODE_TABLE_CONTAINER, .id = box->row.id };

	fill_row(box);
	shape_encode(&container_row_shape, &box->row, &bytes);
	row.bytes = bytes.data;
	row.size = bytes.len;
	return store_node_write(box->hosted.agent->cfg.store, &row, 1, done, arg, err);
}

/* ---- its spec -------------------------------------------------------------------------------------------------- */

/* Paths of the volumes among them; those that are missing are made. */
static int make_volumes(struct agent *agent, const struct container_row *row, const struct mount *mounts, size_t count, const char **paths,
			struct arena *arena, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		const struct volume_driver *driver = mounts[i].volume ? mounts[i].volume->driver : NULL;
		const struct volume *volume;
		bool is_anonymous = false;

		if (mounts[i].type != MOUNT_VOLUME)
			continue;
		for (size_t j = 0; j < row->volumes.count; j++)
			is_anonymous = is_anonymous || str_eq(row->volumes.items[j].name, mounts[i].source);
		if ((is_anonymous ? volumes_create_anonymous : volumes_create)(agent->cfg.volumes, mounts[i].source, driver ? driver->name : NULL,
				driver ? &driver->options : NULL, mounts[i].volume ? &mounts[i].volume->labels : NULL, &volume, err) < 0)
			return -1;
		paths[i] = arena_strdup(arena, volumes_path(agent->cfg.volumes, volume->name, &path));
	}
	return 0;
}

static int plan(struct solo_box *box, struct arena *arena, struct container_spec *ret, struct err *err)
{
	struct agent *agent = box->hosted.agent;
	struct solo_place place = { .host_gateway = "" };
	char gateway[IP_TEXT_SIZE];
	struct mount *mounts;
	const char **paths;

	if (solo_mounts(&box->row, arena, &mounts, &place.mount_count, err) < 0)
		return -1;
	paths = ARENA_ARRAY(arena, const char *, place.mount_count);
	if (make_volumes(agent, &box->row, mounts, place.mount_count, paths, arena, err) < 0)
		return -1;
	place.mounts = mounts;
	place.volume_paths = paths;
	if (box->hosted.hold)
		place.layers = image_hold_dirs(box->hosted.hold, &place.layer_count);
	place.host_gateway = agent_host_gateway(agent, gateway);
	return solo_plan(&box->row, &place, arena, ret, err);
}

int box_plan(struct solo_box *box, struct err *err)
{
	struct container_spec spec;
	struct arena arena;

	arena_init(&arena, "container", BOX_ARENA_MAX);
	if (plan(box, &arena, &spec, err) < 0) {
		arena_fini(&arena);
		return -1;
	}
	arena_fini(&box->hosted.arena);
	box->hosted.arena = arena;
	box->hosted.spec = spec;
	return 0;
}
