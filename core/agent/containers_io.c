/* The containers of this host as the API shows them, and what people do to them. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_internal.h"
#include "base/panic.h"
#include "base/str.h"

static bool describe(const struct agent *agent, const struct run *run, struct agent_container *ret)
{
	if (!run->container_id[0] || !runtime_inspect(agent->cfg.runtime, run->container_id, &ret->info) ||
	    ret->info.state < RUNTIME_CREATED)
		return false;
	ret->spec = &run->spec;
	ret->task_id = run->assignment.task_id;
	ret->image_id = run->image_id;
	ret->address = run->machine.is_attached ? run->address : (struct ip){ 0 };
	ret->assignment = &run->assignment;
	ret->health = health_watch_health(run->health);
	ret->health_config = health_watch_config(run->health);
	ret->ports = run->ports;
	ret->port_count = run->port_count;
	return true;
}

bool agent_next_container(const struct agent *agent, size_t *at, struct agent_container *ret)
{
	void *run;

	while (map_next(agent->by_container, at, NULL, &run))
		if (describe(agent, run, ret))
			return true;
	return false;
}

static struct run *find(const struct agent *agent, const char *reference, struct err *err)
{
	struct run *run = map_get(agent->by_container, reference), *by_prefix = NULL;
	const char *name = reference[0] == '/' ? reference + 1 : reference;
	size_t prefixes = 0;
	void *value;

	if (run)
		return run;
	for (size_t at = 0; map_next(agent->by_container, &at, NULL, &value);) {
		struct run *candidate = value;

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
	struct run *run = find(agent, reference, err);

	if (!run)
		return -1;
	return describe(agent, run, ret) ? 0 : err_set(err, ERR_NOT_FOUND, "No such container: %s", reference);
}

static void wait_for(struct run *run, bool removal, runtime_done_fn *done, void *arg)
{
	struct waiter *waiter = NEW(struct waiter);

	*waiter = (struct waiter){ .next = run->waiters, .for_removal = removal, .done = done, .arg = arg };
	run->waiters = waiter;
}

/* Answers from the loop, never inside the call. */
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

void agent_stop_container(struct agent *agent, const char *id, int signal, msec grace_ms, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct run *run = find(agent, id, &err);

	if (!run) {
		answer_later(agent, done, arg, &err);
	} else if (run->machine.has_exited) {
		answer_later(agent, done, arg, NULL);
	} else {
		if (signal)
			run->spec.stop_signal = signal;
		wait_for(run, false, done, arg);
		run_feed(run, &(struct task_in){ .event = TASK_STOP, .grace_ms = grace_ms });
	}
}

void agent_remove_container(struct agent *agent, const char *id, bool force, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct run *run = find(agent, id, &err);

	if (run && !force && !run->machine.has_exited) {
		err_set(&err, ERR_CONFLICT, "cannot remove container \"/%s\": container is running: stop the container before removing or "
			"force remove", run->spec.name);
		run = NULL;
	}
	if (!run) {
		answer_later(agent, done, arg, &err);
		return;
	}
	wait_for(run, true, done, arg);
	run_feed(run, &(struct task_in){ .event = TASK_PURGE });
}
