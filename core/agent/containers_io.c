/* The containers of this host as the API shows them, of tasks and of people, and what people do to them. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_internal.h"
#include "agent/solo_io.h"
#include "base/panic.h"
#include "base/str.h"

static struct run *run_of(const struct hosted *hosted)
{
	return CONTAINER_OF(hosted, struct run, hosted);
}

static struct solo_box *box_of(const struct hosted *hosted)
{
	return CONTAINER_OF(hosted, struct solo_box, hosted);
}

/* ---- showing ----------------------------------------------------------------------------------------------------- */

static enum solo_status status_of(const struct runtime_info *info)
{
	switch (info->state) {
	case RUNTIME_CREATING:
	case RUNTIME_CREATED: return SOLO_CREATED;
	case RUNTIME_RUNNING: return SOLO_RUNNING;
	case RUNTIME_EXITED: return SOLO_EXITED;
	case RUNTIME_REMOVING: return SOLO_REMOVING;
	}
	panic("runtime state %d", info->state);
}

static bool describe_run(const struct run *run, struct agent_container *ret)
{
	if (ret->info.state < RUNTIME_CREATED)
		return false;
	ret->task_id = run->assignment.task_id;
	ret->assignment = &run->assignment;
	ret->own = &run->own;
	ret->address = run->machine.is_attached ? run->hosted.address : (struct ip){ 0 };
	ret->status = status_of(&ret->info);
	ret->started_wall = ret->info.started_wall;
	ret->finished_wall = ret->info.finished_wall;
	ret->exit_code = ret->info.exit_code;
	ret->oom_killed = ret->info.oom_killed;
	ret->error = ret->info.error;
	return true;
}

static bool describe_box(const struct solo_box *box, struct agent_container *ret)
{
	ret->row = &box->row;
	ret->task_id = "";
	ret->address = box->machine.is_attached && box->hosted.address.family ? box->hosted.address : (struct ip){ 0 };
	ret->status = solo_status(&box->machine);
	ret->started_wall = box->row.started_wall;
	ret->finished_wall = ret->status == SOLO_RUNNING ? 0 : box->row.finished_wall;
	ret->exit_code = box->machine.exit_code;
	ret->oom_killed = box->machine.oom_killed;
	ret->error = box->machine.error;
	ret->restarts = box->machine.restarts;
	return true;
}

static bool describe(const struct agent *agent, const struct hosted *hosted, struct agent_container *ret)
{
	bool is_known;

	*ret = (struct agent_container){ .spec = &hosted->spec, .image_id = hosted->image_id, .ports = hosted->ports,
					 .port_count = hosted->port_count, .health = health_watch_health(hosted->health),
					 .health_config = health_watch_config(hosted->health) };
	is_known = hosted->container_id[0] && runtime_inspect(agent->cfg.runtime, hosted->container_id, &ret->info);
	if (!is_known)
		ret->info = (struct runtime_info){ .state = RUNTIME_CREATED, .error = "", .log_path = "", .dir = "" };
	ret->info.id = hosted->container_id;
	ret->created_wall = hosted->spec.created_wall;
	if (hosted->is_solo)
		return describe_box(box_of(hosted), ret);
	return is_known && describe_run(run_of(hosted), ret);
}

bool agent_next_container(const struct agent *agent, size_t *at, struct agent_container *ret)
{
	void *hosted;

	while (map_next(agent->by_container, at, NULL, &hosted))
		if (describe(agent, hosted, ret))
			return true;
	return false;
}

static struct hosted *find(const struct agent *agent, const char *reference, struct err *err)
{
	struct hosted *hosted = map_get(agent->by_container, reference), *by_prefix = NULL;
	const char *name = reference[0] == '/' ? reference + 1 : reference;
	size_t prefixes = 0;
	void *value;

	if (hosted)
		return hosted;
	for (size_t at = 0; map_next(agent->by_container, &at, NULL, &value);) {
		struct hosted *candidate = value;

		if (str_eq(candidate->spec.name, name))
			return candidate;
		if (*reference && str_starts(candidate->container_id, reference)) {
			by_prefix = candidate;
			prefixes++;
		}
	}
	if (prefixes == 1)
		return by_prefix;
	if (prefixes > 1)
		err_set(err, ERR_INVALID, "Multiple IDs found with provided prefix: %s", reference);
	else
		err_set(err, ERR_NOT_FOUND, "No such container: %s", reference);
	return NULL;
}

int agent_find_container(const struct agent *agent, const char *reference, struct agent_container *ret, struct err *err)
{
	struct hosted *hosted = find(agent, reference, err);

	if (!hosted)
		return -1;
	return describe(agent, hosted, ret) ? 0 : err_set(err, ERR_NOT_FOUND, "No such container: %s", reference);
}

void agent_tell_event(struct agent *agent, const char *id, const char *action, const struct container_pair *extra, size_t count)
{
	struct hosted *hosted = map_get(agent->by_container, id);

	if (hosted)
		hosted_event(hosted, action, extra, count);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* From the loop, never inside the call. */
struct late { runtime_done_fn *done; void *arg; struct err err; };

static void answer(void *arg)
{
	struct late *late = arg;

	late->done(late->arg, late->err.code ? &late->err : NULL);
	free(late);
}

void agent_answer_later(const struct agent *agent, runtime_done_fn *done, void *arg, const struct err *err)
{
	struct late *late = NEW(struct late);

	*late = (struct late){ .done = done, .arg = arg };
	if (err)
		late->err = *err;
	loop_defer(agent->cfg.loop, answer, late);
}

static void wait_for(struct run *run, bool removal, runtime_done_fn *done, void *arg)
{
	struct ask *ask = NEW(struct ask);

	*ask = (struct ask){ .next = run->asks, .for_removal = removal, .done = done, .arg = arg };
	run->asks = ask;
}

static void ask_box(struct solo_box *box, enum box_ask_kind kind, runtime_done_fn *done, void *arg)
{
	struct box_ask *ask = NEW(struct box_ask);

	*ask = (struct box_ask){ .kind = kind, .done = done, .arg = arg };
	list_add_last(&box->asks, &ask->node);
}

struct solo_box *box_find(const struct agent *agent, const char *id, const char *what, struct err *err)
{
	struct hosted *hosted = find(agent, id, err);

	if (!hosted)
		return NULL;
	if (hosted->is_solo)
		return box_of(hosted);
	err_set(err, ERR_CONFLICT, "cannot %s container %s: it runs task %s of service %s: change the service instead", what, hosted->spec.name,
		run_of(hosted)->assignment.task_id, run_of(hosted)->assignment.service_name);
	return NULL;
}

/* ---- what people do ---------------------------------------------------------------------------------------------- */

void agent_start(struct agent *agent, const char *id, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct solo_box *box = box_find(agent, id, "start", &err);

	if (box && box->machine.is_removing) {
		err_set(&err, ERR_CONFLICT, "container is marked for removal and cannot be started");
		box = NULL;
	}
	if (!box) {
		agent_answer_later(agent, done, arg, &err);
	} else if (solo_is_alive(&box->machine)) {
		agent_answer_later(agent, done, arg, NULL);
	} else {
		ask_box(box, BOX_ASK_START, done, arg);
		box_feed(box, &(struct solo_in){ .event = SOLO_START });
	}
}

void agent_restart(struct agent *agent, const char *id, int signal, msec grace_ms, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct solo_box *box = box_find(agent, id, "restart", &err);

	if (box && box->machine.is_removing) {
		err_set(&err, ERR_CONFLICT, "container is marked for removal and cannot be started");
		box = NULL;
	}
	if (!box) {
		agent_answer_later(agent, done, arg, &err);
		return;
	}
	box->hosted.is_stopping = solo_is_alive(&box->machine);
	box->emits_restart = true;
	ask_box(box, BOX_ASK_RESTART, done, arg);
	box_feed(box, &(struct solo_in){ .event = SOLO_RESTART, .signal = signal, .grace_ms = grace_ms });
}

static void stop_run(struct run *run, int signal, msec grace_ms, runtime_done_fn *done, void *arg)
{
	if (run->machine.has_exited) {
		agent_answer_later(run->hosted.agent, done, arg, NULL);
		return;
	}
	if (signal)
		run->hosted.spec.stop_signal = signal;
	wait_for(run, false, done, arg);
	run_feed(run, &(struct task_in){ .event = TASK_STOP, .grace_ms = grace_ms });
}

static void stop_box(struct solo_box *box, int signal, msec grace_ms, runtime_done_fn *done, void *arg)
{
	if (solo_is_at_rest(&box->machine)) {
		agent_answer_later(box->hosted.agent, done, arg, NULL);
		return;
	}
	box->hosted.is_stopping = solo_is_alive(&box->machine);
	ask_box(box, BOX_ASK_STOP, done, arg);
	box_feed(box, &(struct solo_in){ .event = SOLO_STOP, .signal = signal, .grace_ms = grace_ms });
}

void agent_stop_container(struct agent *agent, const char *id, int signal, msec grace_ms, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct hosted *hosted = find(agent, id, &err);

	if (!hosted)
		agent_answer_later(agent, done, arg, &err);
	else if (hosted->is_solo)
		stop_box(box_of(hosted), signal, grace_ms, done, arg);
	else
		stop_run(run_of(hosted), signal, grace_ms, done, arg);
}

int agent_signal_container(struct agent *agent, const char *id, int number, struct err *err)
{
	struct hosted *hosted = find(agent, id, err);
	int own;

	if (!hosted)
		return -1;
	own = hosted->spec.stop_signal;
	if (!hosted->is_solo)
		return hosted_signal(hosted, number, !own || number == own, err);
	own = own ? own : 15;
	box_feed(box_of(hosted), &(struct solo_in){ .event = SOLO_SIGNAL, .signal = number, .is_last = number == 9 || number == own });
	return 0;
}

static int check_removal(const struct hosted *hosted, bool force, struct err *err)
{
	enum solo_status status = hosted->is_solo ? solo_status(&box_of(hosted)->machine) :
				  run_of(hosted)->machine.has_exited ? SOLO_EXITED : SOLO_RUNNING;

	if (force || (status != SOLO_RUNNING && status != SOLO_RESTARTING))
		return 0;
	if (hosted_is_paused(hosted))
		return err_set(err, ERR_CONFLICT, "cannot remove container \"/%s\": container is paused and must be unpaused first", hosted->spec.name);
	return err_set(err, ERR_CONFLICT, "cannot remove container \"/%s\": container is %s: stop the container before removing or force remove",
		       hosted->spec.name, status == SOLO_RESTARTING ? "restarting" : "running");
}

void agent_remove_container(struct agent *agent, const char *id, bool force, bool with_volumes, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct hosted *hosted = find(agent, id, &err);

	if (!hosted || check_removal(hosted, force, &err) < 0) {
		agent_answer_later(agent, done, arg, &err);
		return;
	}
	if (!hosted->is_solo) {
		wait_for(run_of(hosted), true, done, arg);
		run_feed(run_of(hosted), &(struct task_in){ .event = TASK_PURGE });
		return;
	}
	box_of(hosted)->row.removes_volumes = box_of(hosted)->row.removes_volumes || with_volumes;
	ask_box(box_of(hosted), BOX_ASK_REMOVE, done, arg);
	box_feed(box_of(hosted), &(struct solo_in){ .event = SOLO_REMOVE });
}
