/* After a start of the agent: rows of containers outside of services, and what the host still has of each. */
#include <stdlib.h>
#include <string.h>

#include "agent/solo_io.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/log.h"
#include "store/node_tables.h"

enum { LOAD_ARENA_MAX = 64 << 20 };

/* On the store thread, while the loop waits. */
static int load_row(void *arg, unsigned table, const char *id, const void *bytes, size_t size, struct err *err)
{
	struct agent *agent = arg;
	struct container_row row;
	struct arena arena;
	int rc = 0;

	(void)table;
	arena_init(&arena, "container row", LOAD_ARENA_MAX);
	if (shape_decode(&container_row_shape, reader_of(bytes, size), &arena, &row, err) < 0 || !str_eq(row.id, id) ||
	    !hex_id_is_valid(id) || str_is_empty(row.name))
		rc = err_set(err, ERR_IO, "node.db: container '%s' is damaged", id);
	else
		box_new(agent, &row)->is_saved = true;
	arena_fini(&arena);
	return rc;
}

int boxes_load(struct agent *agent, struct err *err)
{
	return store_node_load(agent->cfg.store, NODE_TABLE_CONTAINER, load_row, agent, err);
}

static void restore_ports(struct solo_box *box)
{
	for (size_t i = 0; i < box->hosted.port_count && i < box->row.ports.count; i++)
		box->hosted.ports[i].published_port = box->row.ports.items[i].published_port;
	hosted_reserve_again(&box->hosted);
}

/* An end that came while no agent looked, or that this row was not told of. */
static bool has_news(const struct solo_box *box, const struct runtime_info *info)
{
	return info->state == RUNTIME_EXITED && (box->row.is_running || info->started_wall > box->row.started_wall);
}

static void find_facts(struct solo_box *box, const struct runtime_info *info, struct solo_facts *ret)
{
	struct agent *agent = box->hosted.agent;
	struct err err;

	ret->has_files = true;
	ret->is_started = info->state == RUNTIME_RUNNING;
	ret->is_made = ret->is_started || info->state == RUNTIME_CREATED;
	box->hosted.has_told_mounted = ret->is_started;
	ret->is_attached = net_adopt(agent->cfg.net, box->row.id, &box->hosted.address, &err) == 0;
	if (container_network_of(&box->row.host) == PREDEFINED_NONE)
		ret->is_attached = true;
	if (ret->is_started) {
		nsec now = clock_wall_ns();

		box->row.started_wall = info->started_wall;
		ret->ran_ms = MAX(now - info->started_wall, (nsec)0) / 1000000;
		restore_ports(box);
	}
	for (size_t i = 0; ret->is_made && i < box->hosted.spec.mount_count; i++)
		volumes_adopt(agent->cfg.volumes, box->hosted.spec.mounts[i].name, box->row.id);
	if (has_news(box, info)) {
		ret->has_exited = true;
		ret->exit_code = info->exit_code;
		ret->oom_killed = info->oom_killed;
		box->row.started_wall = info->started_wall ? info->started_wall : box->row.started_wall;
		box->row.finished_wall = info->finished_wall ? info->finished_wall : clock_wall_ns();
	}
}

/* Enough to be listed and removed: what it needs is not there any more, and its start will say so. */
static void show_only(struct solo_box *box)
{
	static const char *nothing[] = { "?" };

	container_spec_init(&box->hosted.spec);
	box->hosted.spec.id = box->row.id;
	box->hosted.spec.name = box->row.name;
	box->hosted.spec.image = box->row.config.image;
	box->hosted.spec.argv = (struct container_strings){ nothing, 1 };
	box->hosted.spec.created_wall = box->row.created_wall;
}

static void adopt(struct solo_box *box)
{
	struct agent *agent = box->hosted.agent;
	struct solo_facts facts = { 0 };
	struct runtime_info info;
	char error[sizeof box->machine.error] = "";
	struct err err;

	hosted_hold_again(&box->hosted, (const char *const *)box->row.layers.items, box->row.layers.count);
	if (box_plan(box, &err) < 0) {
		log_warn("%s: %s", hosted_name(&box->hosted), err.text);
		show_only(box);
	}
	hosted_take_container(&box->hosted, box->row.id);
	if (runtime_inspect(agent->cfg.runtime, box->row.id, &info)) {
		str_copy(error, sizeof error, info.error);
		find_facts(box, &info, &facts);
		facts.error = error;
	} else if (box->row.is_running) {
		/* Its files are gone, who knows how: it has ended, and starts from its image. */
		facts.has_exited = true;
		facts.exit_code = 255;
		facts.error = "its files are gone";
	}
	solo_resume(&box->machine, &facts, loop_now(agent->cfg.loop));
	if (solo_is_alive(&box->machine))
		box_watch_health(box, true);
}

void boxes_adopt(struct agent *agent)
{
	void *box;

	for (size_t at = 0; map_next(agent->boxes, &at, NULL, &box);)
		adopt(box);
}

void boxes_feed(struct agent *agent, const struct solo_in *in)
{
	struct strlist ids = { 0 };
	struct solo_box *box;
	const char *id;
	void *value;

	for (size_t at = 0; map_next(agent->boxes, &at, &id, &value);)
		strlist_add(&ids, id);
	for (size_t i = 0; i < ids.count; i++)
		if ((box = map_get(agent->boxes, ids.items[i])))
			box_feed(box, in);
	strlist_fini(&ids);
}
