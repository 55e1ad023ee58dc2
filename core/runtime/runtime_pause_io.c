/* runtime_pause_io.c - containers that stand still.
 *
 * Not a job of the container (runtime_inside.h): it may end, or be removed, meanwhile, and is looked up again when the work is done.
 */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "runtime/runtime_inside.h"

struct freeze {
	struct runtime *rt;
	runtime_done_fn *done;
	void *arg;
	char id[HEX_ID_SIZE];
	bool is_frozen, has_failed;
	struct err err;
};

static void freeze_run(void *arg)
{
	struct freeze *freeze = arg;

	freeze->has_failed = cgroup_freeze(&freeze->rt->cgroups, freeze->id, freeze->is_frozen, &freeze->err) < 0;
}

static void freeze_done(void *arg)
{
	struct freeze *freeze = arg;

	if (!runtime_job_ended(freeze->rt)) {
		struct container *container = container_find(freeze->rt, freeze->id);

		if (container) {
			container->is_freezing = false;
			if (!freeze->has_failed)
				container->is_paused = freeze->is_frozen && container->state == RUNTIME_RUNNING;
		}
		freeze->done(freeze->arg, freeze->has_failed ? &freeze->err : NULL);
	}
	free(freeze);
}

static int check_freeze(const struct container *container, bool is_frozen, struct err *err)
{
	if (container->is_freezing)
		return err_set(err, ERR_CONFLICT, "Container %s is being paused or unpaused", container->id);
	if (container->is_paused == is_frozen)
		return err_set(err, ERR_CONFLICT, is_frozen ? "Container %s is already paused" : "Container %s is not paused", container->id);
	return 0;
}

static void start_freeze(struct runtime *rt, const char *id, bool is_frozen, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct container *container = container_find_in(rt, id, RUNTIME_RUNNING, "running", &err);
	struct freeze *freeze = NEW(struct freeze);

	*freeze = (struct freeze){ .rt = rt, .done = done, .arg = arg, .is_frozen = is_frozen };
	str_copy(freeze->id, sizeof freeze->id, id);
	bool is_started = container && check_freeze(container, is_frozen, &err) == 0;

	if (is_started && !work_submit(rt->config.work, NULL, freeze_run, freeze_done, freeze)) {
		err_set(&err, ERR_EXHAUSTED, "container %.12s: the work queue is full", id);
		is_started = false;
	}
	if (is_started) {
		rt->jobs++;
		container->is_freezing = true;
		return;
	}
	free(freeze);
	runtime_answer_later(rt, done, arg, &err);
}

void runtime_pause(struct runtime *rt, const char *id, runtime_done_fn *done, void *arg)
{
	start_freeze(rt, id, true, done, arg);
}

void runtime_unpause(struct runtime *rt, const char *id, runtime_done_fn *done, void *arg)
{
	start_freeze(rt, id, false, done, arg);
}
