#include "agent/agent_io.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_internal.h"
#include "agent/solo_io.h"
#include "agent/task_container.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"
#include "store/node_tables.h"

enum { OWN_ARENA_MAX = 64 << 20 };

static void timer_fired(void *arg)
{
	struct run *run = arg;
	run_feed(run, &(struct task_in){ .event = TASK_TIMER });
}

/* At once, so that people are told the same before and after a restart of the agent. */
static void expand(struct run *run)
{
	const struct agent_config *cfg = &run->hosted.agent->cfg;
	const struct assignment *it = &run->assignment;

	run->self = (struct expand_task){ it->service_id, it->service_name, &it->service_labels, it->node_id, cfg->hostname, cfg->architecture,
					  cfg->os, it->task_id, it->slot };
	arena_init(&run->own_arena, "templates", OWN_ARENA_MAX);
	if (expand_container(&run->self, &it->spec.container, &run->own_arena, &run->own, &run->expansion_failure) < 0)
		run->own = it->spec.container;
	else
		run->expansion_failure.code = 0;
}

struct run *run_new(struct agent *agent, const struct assignment *assignment)
{
	struct run *run = NEW(struct run);
	bool needs_network = task_network(&assignment->spec) == CONTAINER_NET_OWN;
	size_t ports = needs_network ? assignment->endpoint.ports.count : 0;    /* on the host's network it opens them itself */

	shape_copy(&assignment_shape, assignment, NULL, &run->assignment);
	hosted_init(&run->hosted, agent, false, run->assignment.task_id, "task");
	expand(run);
	run->hosted.ports = NEW_ARRAY(struct port_config, ports + 1);
	if (ports)
		memcpy(run->hosted.ports, run->assignment.endpoint.ports.items, ports * sizeof *run->hosted.ports);
	run->hosted.port_count = ports;
	timer_init(&run->timer, agent->cfg.loop, timer_fired, run);
	task_run_init(&run->machine, assignment->desired, needs_network, ports > 0, task_stop_grace_ms(assignment));
	map_put(agent->runs, run->assignment.task_id, run);
	return run;
}

static void run_free(struct run *run)
{
	timer_cancel(&run->timer);
	run_leave_pull(run);
	hosted_fini(&run->hosted);
	arena_fini(&run->own_arena);
	shape_fini(&assignment_shape, &run->assignment);
	while (run->asks) {
		struct ask *next = run->asks->next;
		free(run->asks);
		run->asks = next;
	}
	free(run);
}

struct pending *pending_new(struct agent *agent)
{
	struct pending *pending = NEW(struct pending);

	pending->agent = agent;
	list_add_last(&agent->pending, &pending->node);
	return pending;
}

void pending_free(struct pending *pending)
{
	list_remove(&pending->node);
	strlist_fini(&pending->ids);
	free(pending);
}

/* ---- answering --------------------------------------------------------------------------------------------------- */

void run_answer(struct run *run, const struct err *failure)
{
	run_feed(run, &(struct task_in){ .event = TASK_ANSWER, .error = failure ? failure->text : NULL });
}

static void answer_now(void *arg)
{
	struct run *run = arg;
	struct err answer = run->answer;

	run_answer(run, answer.code ? &answer : NULL);
}

void run_answer_later(struct run *run, const struct err *failure)
{
	run->answer = failure ? *failure : (struct err){ 0 };
	loop_defer(run->hosted.agent->cfg.loop, answer_now, run);
}

static void done_with(void *arg, const struct err *failure)
{
	run_answer(arg, failure);
}

static void attached(void *arg, struct ip ip, const struct err *failure)
{
	struct run *run = arg;

	if (!failure)
		run->hosted.address = ip;
	run_answer(run, failure);
}

static void started(void *arg, const struct err *failure)
{
	struct run *run = arg;

	if (!failure) {
		hosted_event(&run->hosted, "start", NULL, 0);
		run_watch_health(run, 0);
	} else {
		hosted_tell_mounted(&run->hosted, false);
		volumes_release(run->hosted.agent->cfg.volumes, run->hosted.container_id);      /* it has ended, and nobody is told */
	}
	run_answer(run, failure);
}

static void answer_asks(struct run *run, bool removal)
{
	struct ask **at = &run->asks;

	while (*at) {
		struct ask *ask = *at;

		if (ask->for_removal && !removal) {
			at = &ask->next;
			continue;
		}
		*at = ask->next;
		ask->done(ask->arg, NULL);
		free(ask);
	}
}

static void removed(void *arg, const struct err *failure)
{
	struct run *run = arg;

	if (failure)
		log_warn("task %s: container %.12s: %s; it is swept at the next start", run->assignment.task_id, run->hosted.container_id,
			 failure->text);
	hosted_event(&run->hosted, "destroy", NULL, 0);
	hosted_tell_removed(&run->hosted, run->machine.exit_code);
	run_release(run);
	answer_asks(run, true);
	run_answer(run, NULL);
}

/* ---- reporting --------------------------------------------------------------------------------------------------- */

static void status_of(const struct run *run, char address[IP_TEXT_SIZE], struct task_status *ret)
{
	struct runtime_info info;

	*ret = (struct task_status){
		.task_id = run->assignment.task_id, .state = run->machine.state, .wall = clock_wall_ns(),
		.message = (char *)(uintptr_t)run->machine.message, .error = (char *)(uintptr_t)run->machine.error,
		.container_id = (char *)(uintptr_t)run->hosted.container_id, .exit_code = run->machine.exit_code,
	};
	if (run->hosted.address.family)
		ret->address = (char *)(uintptr_t)ip_format(run->hosted.address, address);
	if (run->hosted.container_id[0] && runtime_inspect(run->hosted.agent->cfg.runtime, run->hosted.container_id, &info))
		ret->pid = info.pid;
	ret->host_ports.items = run->hosted.ports;
	ret->host_ports.count = run->hosted.port_count;
}

static void save_status(const struct run *run, const struct task_status *status)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct store_row row = { .table = NODE_TABLE_STATUS, .id = run->assignment.task_id };
	struct err err;

	shape_encode(&task_status_shape, status, &bytes);
	row.bytes = bytes.data;
	row.size = bytes.len;
	if (store_node_write(run->hosted.agent->cfg.store, &row, 1, NULL, NULL, &err) < 0)
		log_warn("task %s: status not saved: %s", run->assignment.task_id, err.text);
}

void run_report(struct run *run)
{
	struct agent *agent = run->hosted.agent;
	char address[IP_TEXT_SIZE];
	struct task_status status;
	struct port_config *host_ports = NEW_ARRAY(struct port_config, run->hosted.port_count + 1);
	size_t count = 0;

	status_of(run, address, &status);
	for (size_t i = 0; i < run->hosted.port_count; i++)
		if (run->hosted.ports[i].publish_mode == PUBLISH_HOST)
			host_ports[count++] = run->hosted.ports[i];
	status.host_ports.items = host_ports;
	status.host_ports.count = run->machine.state == TASK_RUNNING ? count : 0;
	if (run->machine.state == TASK_RUNNING && run->machine.has_health && !run->was_running) {
		run->was_running = true;
		save_status(run, &status);      /* that it was healthy once is not to be seen at its container */
	}
	if (run->machine.state > TASK_RUNNING) {
		save_status(run, &status);
		log_info("task %s: %s%s%s", run->assignment.task_id, task_state_name((enum task_state)run->machine.state),
			 run->machine.error[0] ? ": " : "", run->machine.error);
		answer_asks(run, false);
		run_end_secrets(run);
		run_has_ended(run);
	}
	agent->cfg.on_status(agent->cfg.arg, &status);
	free(host_ports);
}

/* ---- acting ------------------------------------------------------------------------------------------------------ */

void agent_check_stopped(struct agent *agent)
{
	void *value;

	if (!agent->stopped)
		return;
	for (size_t at = 0; map_next(agent->runs, &at, NULL, &value);) {
		const struct run *run = value;
		if (agent->stop != AGENT_STOP || run->machine.state <= TASK_RUNNING || run->machine.is_busy)
			return;
	}
	for (size_t at = 0; agent->stop != AGENT_FORGET_TASKS && map_next(agent->boxes, &at, NULL, &value);)
		if (agent->stop == AGENT_PURGE || !solo_is_at_rest(&((struct solo_box *)value)->machine))
			return;
	loop_defer(agent->cfg.loop, agent->stopped, agent->stopped_arg);
	agent->stopped = NULL;
}

static void free_later(void *arg)
{
	run_free(arg);
}

static void forget(struct run *run)
{
	struct agent *agent = run->hosted.agent;
	struct store_row rows[] = {
		{ .table = NODE_TABLE_ASSIGNMENT, .id = run->assignment.task_id },
		{ .table = NODE_TABLE_STATUS, .id = run->assignment.task_id },
	};
	struct err err;

	if (store_node_write(agent->cfg.store, rows, ARRAY_COUNT(rows), NULL, NULL, &err) < 0)
		log_warn("task %s: not forgotten: %s", run->assignment.task_id, err.text);
	answer_asks(run, true);
	map_remove(agent->runs, run->assignment.task_id);
	loop_defer(agent->cfg.loop, free_later, run);
}

static void stop_signal(struct run *run)
{
	struct err err;

	run->hosted.is_stopping = run->machine.is_started;
	if (hosted_signal(&run->hosted, run->hosted.spec.stop_signal ? run->hosted.spec.stop_signal : 15, true, &err) < 0)
		log_debug("task %s: stop signal: %s", run->assignment.task_id, err.text);       /* its exit is on the way */
}

static void kill_container(struct run *run)
{
	struct err err;

	if (hosted_signal(&run->hosted, SIGKILL, false, &err) < 0)
		log_error("task %s: kill: %s", run->assignment.task_id, err.text);
}

static void perform(struct run *run, enum task_act what)
{
	struct agent_config *cfg = &run->hosted.agent->cfg;
	const char *id = run->assignment.task_id;

	switch (what) {
	case TASK_ACT_REPORT:
		run_report(run);
		return;
	case TASK_ACT_PREPARE:
		run_prepare(run);
		return;
	case TASK_ACT_CANCEL:
		run_cancel(run);
		return;
	case TASK_ACT_ATTACH:
		net_attach(cfg->net, id, runtime_netns_fd(cfg->runtime, run->hosted.container_id), (struct ip){ 0 }, attached, run);
		return;
	case TASK_ACT_START:
		hosted_tell_mounted(&run->hosted, true);
		runtime_start(cfg->runtime, run->hosted.container_id, started, run);
		return;
	case TASK_ACT_PUBLISH:
		agent_publish(&run->hosted, true);
		return;
	case TASK_ACT_WITHDRAW:
		agent_publish(&run->hosted, false);
		return;
	case TASK_ACT_DRAIN:
		net_drain(cfg->net, id, loop_now(cfg->loop) + TASK_DRAIN_MS, done_with, run);
		return;
	case TASK_ACT_DETACH:
		hosted_release_ports(&run->hosted);
		net_detach(cfg->net, id, done_with, run);
		return;
	case TASK_ACT_REMOVE:
		runtime_remove(cfg->runtime, run->hosted.container_id, removed, run);
		return;
	case TASK_ACT_SIGNAL:
		hosted_stop_health(&run->hosted);       /* what asks it to end is no news for its health */
		stop_signal(run);
		return;
	case TASK_ACT_KILL:
		hosted_stop_health(&run->hosted);       /* what asks it to end is no news for its health */
		kill_container(run);
		return;
	case TASK_ACT_TIMER:
		if (run->machine.timer_ms)
			timer_set(&run->timer, run->machine.timer_ms);
		else
			timer_cancel(&run->timer);
		return;
	case TASK_ACT_FORGET:
		forget(run);
		return;
	}
}

void run_feed(struct run *run, const struct task_in *in)
{
	struct agent *agent = run->hosted.agent;
	struct task_in now = *in;
	struct task_out out;

	now.now = loop_now(agent->cfg.loop);
	task_run_step(&run->machine, &now, &out);
	for (unsigned i = 0; i < out.count; i++)
		perform(run, out.acts[i]);
	agent_check_stopped(agent);
}

void agent_on_exit(void *arg, const struct runtime_exit *exit)
{
	struct agent *agent = arg;
	struct hosted *hosted = map_get(agent->by_container, exit->id);
	struct run *run;

	if (!hosted)
		return;
	if (hosted->is_solo) {
		box_exit(CONTAINER_OF(hosted, struct solo_box, hosted), exit);
		return;
	}
	run = CONTAINER_OF(hosted, struct run, hosted);
	hosted_exit_event(hosted, exit);
	hosted_tell_exit(hosted, exit->code);
	volumes_release(agent->cfg.volumes, exit->id);
	hosted_stop_health(hosted);
	run_feed(run, &(struct task_in){ .event = TASK_EXIT, .exit_code = exit->code, .oom_killed = exit->oom_killed, .error = exit->error });
}

/* ---- assignments ------------------------------------------------------------------------------------------------- */

static void saved(void *arg, const struct err *failure)
{
	struct pending *saving = arg;

	for (size_t i = 0; i < saving->ids.count; i++) {
		struct run *run = map_get(saving->agent->runs, saving->ids.items[i]);

		if (!run || run->is_saved)
			continue;
		run->is_saved = true;
		if (failure)
			run->save_failure = *failure;
		run_feed(run, &(struct task_in){ .event = TASK_DESIRE, .desired = run->assignment.desired });
	}
	pending_free(saving);
}

static void take_assignment(struct agent *agent, const struct assignment *item)
{
	struct run *run = map_get(agent->runs, item->task_id);

	if (!run) {
		run_new(agent, item);
		return;
	}
	run->assignment.desired = MAX(run->assignment.desired, item->desired);
	if (run->is_saved)
		run_feed(run, &(struct task_in){ .event = TASK_DESIRE, .desired = item->desired });
	if (run->machine.state > TASK_RUNNING)
		run_end_secrets(run);
}

/* Rows of everything told; those that are new wait for the answer before anything is done for them. */
static void save(struct agent *agent, const struct assignment *items, size_t count)
{
	struct pending *saving = pending_new(agent);
	struct store_row *rows = NEW_ARRAY(struct store_row, count);
	struct buf *bytes = NEW_ARRAY(struct buf, count);
	struct err err;

	for (size_t i = 0; i < count; i++) {
		shape_encode(&assignment_shape, &items[i], &bytes[i]);
		rows[i] = (struct store_row){ .table = NODE_TABLE_ASSIGNMENT, .id = items[i].task_id, .bytes = bytes[i].data, .size = bytes[i].len };
		strlist_add(&saving->ids, items[i].task_id);
	}
	if (store_node_write(agent->cfg.store, rows, count, saved, saving, &err) < 0)
		saved(saving, &err);
	for (size_t i = 0; i < count; i++)
		buf_fini(&bytes[i]);
	free(bytes);
	free(rows);
}

static void unassign(struct run *run)
{
	run->is_saved = true;           /* a write under way has nothing to start any more */
	run_feed(run, &(struct task_in){ .event = TASK_UNASSIGN });
}

static bool is_listed(const struct assignment *items, size_t count, const char *task_id)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(items[i].task_id, task_id))
			return true;
	return false;
}

static void unassign_the_rest(struct agent *agent, const struct assignment *items, size_t count)
{
	struct strlist gone = { 0 };
	const char *id;
	void *run;

	for (size_t at = 0; map_next(agent->runs, &at, &id, &run);)
		if (!is_listed(items, count, id))
			strlist_add(&gone, id);
	for (size_t i = 0; i < gone.count; i++)
		if ((run = map_get(agent->runs, gone.items[i])))
			unassign(run);
	strlist_fini(&gone);
}

void agent_assign(struct agent *agent, const struct assignment *items, size_t count, const char *const *gone, size_t gone_count,
		  bool is_complete)
{
	if (is_complete)
		unassign_the_rest(agent, items, count);
	for (size_t i = 0; i < count; i++)
		take_assignment(agent, &items[i]);
	if (count)
		save(agent, items, count);
	for (size_t i = 0; i < gone_count; i++) {
		struct run *run = map_get(agent->runs, gone[i]);
		if (run)
			unassign(run);
	}
}

void agent_report_all(struct agent *agent)
{
	void *run;

	for (size_t at = 0; map_next(agent->runs, &at, NULL, &run);)
		if (((struct run *)run)->machine.state > TASK_ASSIGNED)
			run_report(run);
}

void agent_stop_all(struct agent *agent, enum agent_stop what, void (*done)(void *arg), void *arg)
{
	bool forget_them = what != AGENT_STOP;
	struct strlist ids = { 0 };
	const char *id;
	void *run;

	agent->stopped = done;
	agent->stopped_arg = arg;
	agent->stop = what;
	for (size_t at = 0; map_next(agent->runs, &at, &id, &run);)
		strlist_add(&ids, id);
	for (size_t i = 0; i < ids.count; i++)
		if ((run = map_get(agent->runs, ids.items[i]))) {
			((struct run *)run)->is_saved = true;
			run_feed(run, &(struct task_in){ .event = forget_them ? TASK_UNASSIGN : TASK_STOP, .grace_ms = -1 });
		}
	strlist_fini(&ids);
	if (what != AGENT_FORGET_TASKS)
		boxes_feed(agent, &(struct solo_in){ .event = forget_them ? SOLO_REMOVE : SOLO_SHUTDOWN, .grace_ms = -1 });
	agent_check_stopped(agent);
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

int agent_open(const struct agent_config *config, void (*ready)(void *arg, const struct err *err), void *ready_arg, struct agent **ret,
	       struct err *err)
{
	struct agent *agent = NEW(struct agent);
	uint64_t seed;

	agent->cfg = *config;
	list_init(&agent->pending);
	agent->runs = map_new();
	agent->boxes = map_new();
	agent->execs = map_new();
	agent->by_container = map_new();
	entropy_fill(&seed, sizeof seed);
	rng_seed(&agent->names, seed);
	agent_open_again(agent);
	agent->ready = ready;
	agent->ready_arg = ready_arg;
	if (secret_files_open(config->run_root, &agent->secrets, err) < 0 || agent_recover(agent, err) < 0) {
		agent_close(agent);
		return -1;
	}
	*ret = agent;
	return 0;
}

void agent_close(struct agent *agent)
{
	void *run;

	if (!agent)
		return;
	execs_free_all(agent);
	timer_cancel(&agent->again);
	for (size_t at = 0; map_next(agent->runs, &at, NULL, &run);)
		run_free(run);
	for (size_t at = 0; map_next(agent->boxes, &at, NULL, &run);)
		box_free(run);
	LIST_EACH(item, &agent->pending)
		pending_free(CONTAINER_OF(item, struct pending, node));
	map_free(agent->runs);
	map_free(agent->boxes);
	map_free(agent->execs);
	map_free(agent->by_container);
	secret_files_close(agent->secrets);
	free(agent);
}
