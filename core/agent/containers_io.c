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

static void answer_later(const struct agent *agent, runtime_done_fn *done, void *arg, const struct err *err)
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

/* NULL, answered: it is a task's, which its service alone starts, names, changes. */
static struct solo_box *find_box(struct agent *agent, const char *id, const char *what, struct err *err)
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
	struct solo_box *box = find_box(agent, id, "start", &err);

	if (box && box->machine.is_removing) {
		err_set(&err, ERR_CONFLICT, "container is marked for removal and cannot be started");
		box = NULL;
	}
	if (!box) {
		answer_later(agent, done, arg, &err);
	} else if (solo_is_alive(&box->machine)) {
		answer_later(agent, done, arg, NULL);
	} else {
		ask_box(box, BOX_ASK_START, done, arg);
		box_feed(box, &(struct solo_in){ .event = SOLO_START });
	}
}

void agent_restart(struct agent *agent, const char *id, int signal, msec grace_ms, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct solo_box *box = find_box(agent, id, "restart", &err);

	if (box && box->machine.is_removing) {
		err_set(&err, ERR_CONFLICT, "container is marked for removal and cannot be started");
		box = NULL;
	}
	if (!box) {
		answer_later(agent, done, arg, &err);
		return;
	}
	box->emits_stop = solo_is_alive(&box->machine);
	box->emits_restart = true;
	ask_box(box, BOX_ASK_RESTART, done, arg);
	box_feed(box, &(struct solo_in){ .event = SOLO_RESTART, .signal = signal, .grace_ms = grace_ms });
}

static void stop_run(struct run *run, int signal, msec grace_ms, runtime_done_fn *done, void *arg)
{
	if (run->machine.has_exited) {
		answer_later(run->hosted.agent, done, arg, NULL);
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
		answer_later(box->hosted.agent, done, arg, NULL);
		return;
	}
	box->emits_stop = solo_is_alive(&box->machine);
	ask_box(box, BOX_ASK_STOP, done, arg);
	box_feed(box, &(struct solo_in){ .event = SOLO_STOP, .signal = signal, .grace_ms = grace_ms });
}

void agent_stop_container(struct agent *agent, const char *id, int signal, msec grace_ms, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct hosted *hosted = find(agent, id, &err);

	if (!hosted)
		answer_later(agent, done, arg, &err);
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
	if (!hosted->is_solo)
		return runtime_signal(agent->cfg.runtime, hosted->container_id, number, err);
	own = hosted->spec.stop_signal ? hosted->spec.stop_signal : 15;
	box_feed(box_of(hosted), &(struct solo_in){ .event = SOLO_SIGNAL, .signal = number, .is_last = number == 9 || number == own });
	return 0;
}

static const char *state_word(enum solo_status status)
{
	return status == SOLO_RESTARTING ? "restarting" : "running";
}

static int check_removal(const struct hosted *hosted, bool force, struct err *err)
{
	enum solo_status status = hosted->is_solo ? solo_status(&box_of(hosted)->machine) :
				  run_of(hosted)->machine.has_exited ? SOLO_EXITED : SOLO_RUNNING;

	if (force || (status != SOLO_RUNNING && status != SOLO_RESTARTING))
		return 0;
	return err_set(err, ERR_CONFLICT, "cannot remove container \"/%s\": container is %s: stop the container before removing or force remove",
		       hosted->spec.name, state_word(status));
}

void agent_remove_container(struct agent *agent, const char *id, bool force, bool with_volumes, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct hosted *hosted = find(agent, id, &err);

	if (!hosted || check_removal(hosted, force, &err) < 0) {
		answer_later(agent, done, arg, &err);
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

/* ---- changes of its row ------------------------------------------------------------------------------------------ */

struct change { struct agent *agent; char id[HEX_ID_SIZE]; char *old_name; runtime_done_fn *done; void *arg; };

static void renamed(void *arg, const struct err *failure)
{
	struct change *change = arg;
	struct hosted *hosted = map_get(change->agent->by_container, change->id);
	CLEANUP(str_freep) char *old = str_printf("/%s", change->old_name);

	if (hosted && failure) {
		struct solo_box *box = box_of(hosted);
		struct err ignored;

		free(box->row.name);
		box->row.name = str_dup(change->old_name);
		box_plan(box, &ignored);
	} else if (hosted) {
		hosted_event(hosted, "rename", &(struct container_pair){ "oldName", old }, 1);
	}
	change->done(change->arg, failure);
	free(change->old_name);
	free(change);
}

void agent_rename_container(struct agent *agent, const char *id, const char *name, runtime_done_fn *done, void *arg)
{
	const char *bare = name[0] == '/' ? name + 1 : name;
	struct err err;
	struct solo_box *box = find_box(agent, id, "rename", &err);
	struct change *change;

	if (box && str_is_empty(bare)) {
		err_set(&err, ERR_INVALID, "Neither old nor new names may be empty");
		box = NULL;
	} else if (box && str_eq(box->row.name, bare)) {
		err_set(&err, ERR_INVALID, "Renaming a container with the same name as its current name");
		box = NULL;
	}
	if (!box || agent_check_container_name(agent, bare, &err) < 0) {
		answer_later(agent, done, arg, &err);
		return;
	}
	change = NEW(struct change);
	*change = (struct change){ .agent = agent, .old_name = box->row.name, .done = done, .arg = arg };
	str_copy(change->id, sizeof change->id, box->row.id);
	box->row.name = str_dup(bare);
	if (box_plan(box, &err) < 0 || box_save(box, renamed, change, &err) < 0)
		renamed(change, &err);
}
