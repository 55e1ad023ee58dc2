/* The shell of solo.h: performs its acts on runtime, net, volumes and node.db, and answers the people who asked. */
#include "agent/solo_io.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/port_table.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/container_words.h"
#include "os/clock.h"
#include "os/log.h"
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

/* ---- its row ----------------------------------------------------------------------------------------------------- */

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

/* ---- answers to acts --------------------------------------------------------------------------------------------- */

void box_answer(struct solo_box *box, const struct err *failure, int exit_code)
{
	if (failure)
		box->failure = *failure;
	box_feed(box, &(struct solo_in){ .event = SOLO_ANSWER, .error = failure ? failure->text : NULL, .exit_code = exit_code });
}

static void answer_now(void *arg)
{
	struct solo_box *box = arg;
	struct err answer = box->answer;

	box_answer(box, answer.code ? &answer : NULL, 0);
}

static void answer_later(struct solo_box *box, const struct err *failure)
{
	box->answer = failure ? *failure : (struct err){ 0 };
	loop_defer(box->hosted.agent->cfg.loop, answer_now, box);
}

void box_answer_later(struct solo_box *box)
{
	answer_later(box, NULL);
}

static void done_with(void *arg, const struct err *failure)
{
	box_answer(arg, failure, 0);
}

static void save_done(void *arg, const struct err *failure)
{
	struct solo_box *box = arg;

	if (failure)
		log_warn("%s: not saved: %s", hosted_name(&box->hosted), failure->text);
	box_answer(box, NULL, 0);
}

static void save(struct solo_box *box)
{
	struct err err;

	if (box_save(box, save_done, box, &err) == 0)
		return;
	log_warn("%s: not saved: %s", hosted_name(&box->hosted), err.text);
	answer_later(box, NULL);
}

static void note(struct solo_box *box)
{
	struct err err;

	if (box_save(box, NULL, NULL, &err) < 0)
		log_warn("%s: not saved: %s", hosted_name(&box->hosted), err.text);
}

/* ---- making and starting ----------------------------------------------------------------------------------------- */

/* Docker has other words for a port that a container holds than for one that a process of the host has. */
static bool is_ours(const struct agent *agent, const struct port_config *port, uint16_t number)
{
	void *value;

	for (size_t at = 0; map_next(agent->by_container, &at, NULL, &value);) {
		const struct hosted *hosted = value;

		for (size_t i = 0; i < hosted->port_count; i++)
			if (hosted->ports[i].published_port == number && port_proto(&hosted->ports[i]) == port_proto(port) &&
			    ip_eq(port->host_ip, hosted->ports[i].host_ip))
				return true;
	}
	return false;
}

/* One of the range that is free; any at all when there is none. */
static int reserve_port(struct solo_box *box, struct port_config *port, const struct container_port *wanted, struct err *err)
{
	struct net *net = box->hosted.agent->cfg.net;
	unsigned number = wanted->first;
	char text[IP_TEXT_SIZE];
	uint16_t got;

	do {
		if (net_reserve_port(net, port_proto(port), port->host_ip, (uint16_t)number, &got, err) == 0) {
			port->published_port = got;
			return 0;
		}
	} while (err->code == ERR_CONFLICT && number++ < wanted->last);
	if (err->code == ERR_CONFLICT && is_ours(box->hosted.agent, port, wanted->last))
		err_set(err, ERR_CONFLICT, "Bind for %s:%u failed: port is already allocated",
			port->host_ip.family ? ip_format(port->host_ip, text) : "0.0.0.0", (unsigned)wanted->last);
	return err_wrap(err, "failed to set up container networking: driver failed programming external connectivity on endpoint %s (%s)",
			box->row.name, box->row.id);
}

static int reserve_ports(struct solo_box *box, struct err *err)
{
	struct container_port *wanted;
	struct arena arena;
	size_t count = 0;
	int rc = 0;

	arena_init(&arena, "ports", PORTS_ARENA_MAX);
	if (box->hosted.port_count && container_ports(&box->row.config, &box->row.host, &arena, &wanted, &count, err) < 0)
		rc = -1;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = reserve_port(box, &box->hosted.ports[i], &wanted[i], err);
	arena_fini(&arena);
	return rc;
}

static int check_binds(struct solo_box *box, struct err *err)
{
	struct mount *mounts;
	struct arena arena;
	size_t count;
	int rc;

	arena_init(&arena, "mounts", MOUNTS_ARENA_MAX);
	rc = solo_mounts(&box->row, &arena, &mounts, &count, err) < 0 || hosted_check_binds(mounts, count, err) < 0 ? -1 : 0;
	arena_fini(&arena);
	return rc;
}

static void make_now(struct solo_box *box)
{
	struct runtime *runtime = box->hosted.agent->cfg.runtime;

	if (box->machine.has_files)
		runtime_renew(runtime, box->row.id, &box->hosted.spec, done_with, box);
	else
		runtime_create(runtime, &box->hosted.spec, done_with, box);
}

static void volumes_are_there(void *arg, const struct err *failure)
{
	if (failure)
		box_answer(arg, failure, 0);
	else
		make_now(arg);
}

static int use_volumes(struct solo_box *box, struct err *err)
{
	const struct container_spec *spec = &box->hosted.spec;
	const char **names = ARENA_ARRAY(&box->hosted.arena, const char *, spec->mount_count);

	for (size_t i = 0; i < spec->mount_count; i++)
		names[i] = spec->mounts[i].name;
	return volumes_use(box->hosted.agent->cfg.volumes, names, spec->mount_count, box->row.id, volumes_are_there, box, err);
}

static void make(struct solo_box *box)
{
	struct err err;
	int used;

	if (hosted_check_network(&box->hosted, box->machine.needs_network, &err) < 0 || check_binds(box, &err) < 0 ||
	    box_plan(box, &err) < 0 || reserve_ports(box, &err) < 0 || (used = use_volumes(box, &err)) < 0)
		answer_later(box, &err);
	else if (!used)
		make_now(box);
}

static void attached(void *arg, struct ip ip, const struct err *failure)
{
	struct solo_box *box = arg;

	if (!failure)
		box->hosted.address = ip;
	else if (box->machine.is_started)
		log_warn("%s: network: %s", hosted_name(&box->hosted), failure->text);
	box_answer(box, failure, 0);
}

static void attach(struct solo_box *box)
{
	const struct agent_config *cfg = &box->hosted.agent->cfg;

	if (container_network_of(&box->row.host) == PREDEFINED_NONE)
		net_loopback(cfg->net, runtime_netns_fd(cfg->runtime, box->row.id), done_with, box);
	else
		net_attach(cfg->net, box->row.id, runtime_netns_fd(cfg->runtime, box->row.id), (struct ip){ 0 }, attached, box);
}

/* Ports that stand as 0 are not held. */
static void detach(struct solo_box *box)
{
	hosted_tell_mounted(&box->hosted, false);
	volumes_release(box->hosted.agent->cfg.volumes, box->row.id);
	hosted_release_ports(&box->hosted);
	for (size_t i = 0; i < box->hosted.port_count; i++)
		box->hosted.ports[i].published_port = 0;
	net_detach(box->hosted.agent->cfg.net, box->row.id, done_with, box);
}

static void started(void *arg, const struct err *failure)
{
	struct solo_box *box = arg;
	struct runtime_info info;
	bool is_known = runtime_inspect(box->hosted.agent->cfg.runtime, box->row.id, &info);

	if (!failure && is_known)
		box->row.started_wall = info.started_wall;
	box_answer(box, failure, failure && is_known ? info.exit_code : 0);
}

static void send_signal(struct solo_box *box)
{
	int own = box->hosted.spec.stop_signal, number = box->machine.signal ? box->machine.signal : own ? own : 15;
	struct err err;

	if (box->machine.is_signalled)
		hosted_stop_health(&box->hosted);       /* what asks it to end is no news for its health */
	if (hosted_signal(&box->hosted, number, box->machine.is_signalled || !own || number == own, &err) < 0)
		log_debug("%s: signal %d: %s", hosted_name(&box->hosted), number, err.text);   /* its exit is on the way */
}

static void kill_container(struct solo_box *box)
{
	struct err err;

	if (hosted_signal(&box->hosted, SIGKILL, false, &err) < 0)
		log_error("%s: kill: %s", hosted_name(&box->hosted), err.text);
}

void box_exit(struct solo_box *box, const struct runtime_exit *exit)
{
	box->row.finished_wall = exit->finished_wall ? exit->finished_wall : clock_wall_ns();
	hosted_stop_health(&box->hosted);
	if (box->machine.is_started)
		hosted_exit_event(&box->hosted, exit);
	box_feed(box, &(struct solo_in){ .event = SOLO_EXIT, .exit_code = exit->code, .oom_killed = exit->oom_killed, .error = exit->error });
}

/* ---- going ------------------------------------------------------------------------------------------------------- */

static void removed(void *arg, const struct err *failure)
{
	struct solo_box *box = arg;

	if (failure)
		log_warn("%s: not removed: %s", hosted_name(&box->hosted), failure->text);
	box_answer(box, failure, 0);
}

void box_remove_volumes(struct solo_box *box)
{
	struct volumes *volumes = box->hosted.agent->cfg.volumes;
	struct err err;

	volumes_disclaim(volumes, box->row.id);
	for (size_t i = 0; i < box->row.volumes.count; i++)
		if (volumes_remove(volumes, box->row.volumes.items[i].name, NULL, NULL, &err) < 0 && err.code != ERR_NOT_FOUND && err.code != ERR_CONFLICT)
			log_warn("%s: anonymous volume: %s", hosted_name(&box->hosted), err.text);
}

static void forget(struct solo_box *box)
{
	struct store_row row = { .table = NODE_TABLE_CONTAINER, .id = box->row.id };
	struct err err;

	if (box->row.removes_volumes || box->row.host.auto_remove)
		box_remove_volumes(box);
	if (box->is_saved)
		hosted_event(&box->hosted, "destroy", NULL, 0);
	if (store_node_write(box->hosted.agent->cfg.store, &row, 1, save_done, box, &err) == 0)
		return;
	log_warn("%s: not forgotten: %s; it is removed at the next start", hosted_name(&box->hosted), err.text);
	answer_later(box, NULL);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static bool asks_for_start(enum box_ask_kind kind)
{
	return kind == BOX_ASK_START || kind == BOX_ASK_RESTART;
}

static void answer_asks(struct solo_box *box, bool (*matches)(enum box_ask_kind kind), const struct err *failure)
{
	struct list due;

	list_init(&due);                /* an answer may ask again */
	LIST_EACH(item, &box->asks)
		if (matches(CONTAINER_OF(item, struct box_ask, node)->kind)) {
			list_remove(item);
			list_add_last(&due, item);
		}
	while (!list_is_empty(&due)) {
		struct box_ask *ask = CONTAINER_OF(list_take_first(&due), struct box_ask, node);

		ask->done(ask->arg, failure);
		free(ask);
	}
}

static bool is_stop(enum box_ask_kind kind) { return kind == BOX_ASK_STOP; }
static bool is_removal(enum box_ask_kind kind) { return kind == BOX_ASK_REMOVE; }
static bool is_no_start(enum box_ask_kind kind) { return !asks_for_start(kind); }

void box_watch_health(struct solo_box *box, bool was_running)
{
	static const struct health_config none;
	const struct health_config *config = box->row.config.health;

	hosted_forget_health(&box->hosted);             /* that of its last run */
	hosted_watch_health(&box->hosted, config ? config : &none, was_running ? box->row.started_wall : 0, false, NULL, NULL);
}

static void tell_started(struct solo_box *box)
{
	hosted_event(&box->hosted, "start", NULL, 0);
	if (solo_is_alive(&box->machine))
		box_watch_health(box, false);
	if (box->emits_restart)
		hosted_event(&box->hosted, "restart", NULL, 0);
	box->emits_restart = false;
	answer_asks(box, asks_for_start, NULL);
}

static void tell_failed(struct solo_box *box)
{
	struct err failure = box->failure;

	log_info("%s: not started: %s", hosted_name(&box->hosted), box->machine.error);
	box_drop_attaches(box, &failure);
	answer_asks(box, asks_for_start, &failure);
	/* whoever waits for the end of what never began */
	hosted_tell_exit(&box->hosted, box->machine.exit_code);
}

static void tell_ended(struct solo_box *box)
{
	box->hosted.address = (struct ip){ 0 };
	hosted_tell_exit(&box->hosted, box->machine.exit_code);
	answer_asks(box, is_stop, NULL);
}

static void tell_dead(struct solo_box *box)
{
	struct err failure = box->failure;

	answer_asks(box, is_removal, &failure);
}

static void free_later(void *arg)
{
	box_free(arg);
}

static void tell_gone(struct solo_box *box)
{
	struct err failure;

	err_set(&failure, ERR_NOT_FOUND, "No such container: %s", box->row.id);
	volumes_disclaim(box->hosted.agent->cfg.volumes, box->row.id);
	hosted_drop_container(&box->hosted);
	map_remove(box->hosted.agent->boxes, box->row.id);
	hosted_tell_removed(&box->hosted, box->machine.exit_code);
	box_drop_attaches(box, &failure);
	answer_asks(box, asks_for_start, &failure);
	answer_asks(box, is_no_start, NULL);
	timer_cancel(&box->timer);
	loop_defer(box->hosted.agent->cfg.loop, free_later, box);
}

/* ---- the loop between machine and world -------------------------------------------------------------------------- */

static void perform(struct solo_box *box, enum solo_act what)
{
	const struct agent_config *cfg = &box->hosted.agent->cfg;

	switch (what) {
	case SOLO_ACT_SAVE:
		save(box);
		return;
	case SOLO_ACT_MAKE:
		make(box);
		return;
	case SOLO_ACT_ATTACH:
		attach(box);
		return;
	case SOLO_ACT_PUBLISH:
		agent_publish(&box->hosted, true);
		return;
	case SOLO_ACT_CONNECT:
		box_connect(box);
		return;
	case SOLO_ACT_START:
		hosted_tell_mounted(&box->hosted, true);
		runtime_start(cfg->runtime, box->row.id, started, box);
		return;
	case SOLO_ACT_WITHDRAW:
		agent_publish(&box->hosted, false);
		return;
	case SOLO_ACT_DETACH:
		detach(box);
		return;
	case SOLO_ACT_REMOVE:
		runtime_remove(cfg->runtime, box->row.id, removed, box);
		return;
	case SOLO_ACT_FORGET:
		forget(box);
		return;
	case SOLO_ACT_NOTE:
		note(box);
		return;
	case SOLO_ACT_SIGNAL:
		send_signal(box);
		return;
	case SOLO_ACT_KILL:
		kill_container(box);
		return;
	case SOLO_ACT_TIMER:
		if (box->machine.timer_ms)
			timer_set(&box->timer, box->machine.timer_ms);
		else
			timer_cancel(&box->timer);
		return;
	case SOLO_ACT_TELL_STARTED:
		tell_started(box);
		return;
	case SOLO_ACT_TELL_FAILED:
		tell_failed(box);
		return;
	case SOLO_ACT_TELL_ENDED:
		tell_ended(box);
		return;
	case SOLO_ACT_TELL_DEAD:
		tell_dead(box);
		return;
	case SOLO_ACT_TELL_GONE:
		tell_gone(box);
		return;
	}
}

/* Whoever waits for a stop has it; whoever waits for a start that nobody will make hears so. */
static void tell_rest(struct solo_box *box)
{
	struct err failure;

	if (!solo_is_at_rest(&box->machine) || list_is_empty(&box->asks))
		return;
	err_set(&failure, ERR_CONFLICT, "container %.12s was stopped before it was started", box->row.id);
	answer_asks(box, is_stop, NULL);
	answer_asks(box, asks_for_start, &failure);
}

void box_feed(struct solo_box *box, const struct solo_in *in)
{
	struct agent *agent = box->hosted.agent;
	struct solo_in now = *in;
	struct solo_out out;

	now.now = loop_now(agent->cfg.loop);
	solo_step(&box->machine, &now, &out);
	for (unsigned i = 0; i < out.count; i++)
		perform(box, out.acts[i]);
	if (!box->machine.is_gone)
		tell_rest(box);
	agent_check_stopped(agent);
}
