/* What a task's container and a person's share: its ports, binds, image layers, its events, and those who wait for its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_internal.h"
#include "agent/port_table.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/log.h"

/* A container spec is at most 4 MiB encoded. */
enum { HOSTED_ARENA_MAX = 32 << 20 };

void hosted_init(struct hosted *hosted, struct agent *agent, bool is_solo, const char *leg, const char *arena_name)
{
	*hosted = (struct hosted){ .agent = agent, .is_solo = is_solo, .leg = leg, .image_id = "" };
	arena_init(&hosted->arena, arena_name, HOSTED_ARENA_MAX);
	list_init(&hosted->waits);
}

void hosted_fini(struct hosted *hosted)
{
	LIST_EACH(item, &hosted->waits)
		list_remove(item);              /* the waiting ones are their callers' */
	hosted_forget_health(hosted);
	image_hold_free(hosted->hold);
	arena_fini(&hosted->arena);
	free(hosted->ports);
}

void hosted_take_container(struct hosted *hosted, const char *container_id)
{
	str_copy(hosted->container_id, sizeof hosted->container_id, container_id);
	map_put(hosted->agent->by_container, hosted->container_id, hosted);
}

void hosted_drop_container(struct hosted *hosted)
{
	if (hosted->container_id[0])
		map_remove(hosted->agent->by_container, hosted->container_id);
	hosted->container_id[0] = 0;
}

const char *hosted_name(const struct hosted *hosted)
{
	static char text[96];

	snprintf(text, sizeof text, hosted->is_solo ? "container %.12s" : "task %s", hosted->leg);
	return text;
}

void hosted_event(const struct hosted *hosted, const char *action, const struct container_pair *extra, size_t count)
{
	const struct agent_config *cfg = &hosted->agent->cfg;

	cfg->on_event(cfg->arg, action, hosted->container_id, &hosted->spec, extra, count);
}

void hosted_tell_mounted(struct hosted *hosted, bool is_mounted)
{
	if (hosted->has_told_mounted == is_mounted)
		return;
	hosted->has_told_mounted = is_mounted;
	for (size_t i = 0; i < hosted->spec.mount_count; i++) {
		const struct container_mount *mount = &hosted->spec.mounts[i];
		const struct container_pair extra[] = { { "container", hosted->container_id }, { "destination", mount->target }, { "propagation", "" },
							{ "read/write", mount->is_readonly ? "false" : "true" } };

		if (mount->name && !mount->is_hidden)
			volumes_tell(hosted->agent->cfg.volumes, is_mounted ? "mount" : "unmount", mount->name, extra, is_mounted ? ARRAY_COUNT(extra) : 1);
	}
}

/* ---- its health -------------------------------------------------------------------------------------------------- */

static void health_changed(void *arg, enum health_status status)
{
	struct hosted *hosted = arg;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_printf(&text, "health_status: %s", health_status_name(status));
	hosted_event(hosted, buf_text(&text), NULL, 0);
	if (hosted->health_changed)
		hosted->health_changed(hosted->health_arg, status);
}

void hosted_watch_health(struct hosted *hosted, const struct health_config *config, nsec started_wall, bool was_healthy,
			 void (*changed)(void *arg, enum health_status status), void *arg)
{
	const struct health_watch_options options = {
		.loop = hosted->agent->cfg.loop, .runtime = hosted->agent->cfg.runtime, .container_id = hosted->container_id, .config = config,
		.changed = health_changed, .arg = hosted,
	};
	msec ago = started_wall ? MAX((clock_wall_ns() - started_wall) / 1000000, 0) : 0;

	if (hosted->health)
		return;
	hosted->health_changed = changed;
	hosted->health_arg = arg;
	hosted->health = health_watch_new(&options);
	if (hosted->health)
		health_watch_start(hosted->health, ago, was_healthy);
	if (hosted_is_paused(hosted))
		hosted_stop_health(hosted);
}

void hosted_stop_health(struct hosted *hosted)
{
	if (hosted->health)
		health_watch_stop(hosted->health);
}

void hosted_resume_health(struct hosted *hosted)
{
	if (hosted->health)
		health_watch_resume(hosted->health);
}

void hosted_forget_health(struct hosted *hosted)
{
	health_watch_free(hosted->health);
	hosted->health = NULL;
}

/* ---- its place on this host -------------------------------------------------------------------------------------- */

int hosted_check_network(const struct hosted *hosted, bool needs_network, struct err *err)
{
	const struct net *net = hosted->agent->cfg.net;

	if (!needs_network)
		return 0;
	if (net_can(net, NET_ATTACH, err) < 0)
		return -1;
	return hosted->port_count ? net_can(net, NET_PUBLISH, err) : 0;
}

int hosted_check_binds(const struct mount *mounts, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct stat st;

		if (mounts[i].type != MOUNT_BIND || (mounts[i].bind && mounts[i].bind->create_mountpoint))
			continue;
		if (stat(mounts[i].source, &st) < 0)
			return err_set(err, ERR_INVALID, "invalid mount config for type \"bind\": bind source path does not exist: %s",
				       mounts[i].source);
	}
	return 0;
}

void hosted_release_ports(struct hosted *hosted)
{
	for (size_t i = 0; i < hosted->port_count; i++)
		if (hosted->ports[i].publish_mode == PUBLISH_HOST && hosted->ports[i].published_port)
			net_release_port(hosted->agent->cfg.net, port_proto(&hosted->ports[i]), hosted->ports[i].host_ip,
					 (uint16_t)hosted->ports[i].published_port);
}

void hosted_reserve_again(struct hosted *hosted)
{
	for (size_t i = 0; i < hosted->port_count; i++) {
		const struct port_config *port = &hosted->ports[i];
		struct err err;
		uint16_t got;

		if (port->publish_mode == PUBLISH_HOST && port->published_port &&
		    net_reserve_port(hosted->agent->cfg.net, port_proto(port), port->host_ip, (uint16_t)port->published_port, &got, &err) < 0)
			log_warn("%s: %s", hosted_name(hosted), err.text);
	}
}

void hosted_hold_again(struct hosted *hosted, const char *const *diff_ids, size_t count)
{
	struct err err;

	if (count && image_hold_adopt(hosted->agent->cfg.images, diff_ids, count, &hosted->hold, &err) < 0)
		log_warn("%s: %s", hosted_name(hosted), err.text);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

struct agent_wait {
	struct list node;               /* in hosted->waits, or alone */
	struct timer now;               /* the answer that is there already */
	enum agent_wait_for what;
	int exit_code;
	agent_waited_fn *fn;
	void *arg;
};

static void wait_is_over(void *arg)
{
	struct agent_wait *wait = arg;

	wait->fn(wait->arg, wait->exit_code);
}

/* Later, for who waits may be in the middle of something; and each only once. */
static void answer_wait(struct agent_wait *wait, int exit_code)
{
	list_remove(&wait->node);
	wait->exit_code = exit_code;
	timer_set_in(&wait->now, 0);
}

void hosted_tell_exit(struct hosted *hosted, int exit_code)
{
	LIST_EACH(item, &hosted->waits) {
		struct agent_wait *wait = CONTAINER_OF(item, struct agent_wait, node);

		if (wait->what != AGENT_WAIT_REMOVED)
			answer_wait(wait, exit_code);
	}
}

void hosted_tell_removed(struct hosted *hosted, int exit_code)
{
	LIST_EACH(item, &hosted->waits)
		answer_wait(CONTAINER_OF(item, struct agent_wait, node), exit_code);
}

int agent_wait_new(struct agent *agent, const char *id, enum agent_wait_for what, agent_waited_fn *fn, void *arg, struct agent_wait **ret,
		   struct err *err)
{
	struct hosted *hosted = map_get(agent->by_container, id);
	struct agent_container container;
	struct agent_wait *wait;

	if (!hosted || agent_find_container(agent, id, &container, err) < 0)
		return err_set(err, ERR_NOT_FOUND, "No such container: %s", id);
	wait = NEW(struct agent_wait);
	*wait = (struct agent_wait){ .what = what, .fn = fn, .arg = arg };
	list_init(&wait->node);
	timer_init(&wait->now, agent->cfg.loop, wait_is_over, wait);
	if (what == AGENT_WAIT_NOT_RUNNING && container.status != SOLO_RUNNING && container.status != SOLO_RESTARTING)
		answer_wait(wait, container.exit_code);
	else
		list_add_last(&hosted->waits, &wait->node);
	*ret = wait;
	return 0;
}

void agent_wait_free(struct agent_wait *wait)
{
	if (!wait)
		return;
	list_remove(&wait->node);
	timer_cancel(&wait->now);
	free(wait);
}
