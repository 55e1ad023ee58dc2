/* runtime_limit_io.c - other limits for what runs. The kernel may take its time: a smaller memory is made room in first.
 *
 * Not a job of the container (runtime_inside.h): it may end, or be removed, meanwhile, and is looked up again when the work is done.
 */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "runtime/runtime_inside.h"

struct limiting {
	struct runtime *rt;
	runtime_done_fn *done;
	void *arg;
	struct container_spec spec;      /* only the id and the limits */
	char id[HEX_ID_SIZE];
	bool has_failed;
	struct err err;
};

static bool has_groups(const struct container *container)
{
	return container && (container->state == RUNTIME_CREATED || container->state == RUNTIME_RUNNING);
}

static void limiting_run(void *arg)
{
	struct limiting *limiting = arg;

	limiting->has_failed = cgroup_limit(&limiting->rt->cgroups, &limiting->spec, &limiting->err) < 0;
}

static void limiting_done(void *arg)
{
	struct limiting *limiting = arg;

	if (!runtime_job_ended(limiting->rt)) {
		/* what has ended meanwhile has no groups that could have been written to */
		bool has_failed = limiting->has_failed && has_groups(container_find(limiting->rt, limiting->id));

		limiting->done(limiting->arg, has_failed ? &limiting->err : NULL);
	}
	free(limiting);
}

void runtime_limit(struct runtime *rt, const char *id, const struct container_spec *spec, runtime_done_fn *done, void *arg)
{
	struct container *container = container_find(rt, id);
	struct limiting *limiting;
	struct err err;

	if (container && container->state == RUNTIME_CREATING) {
		err_set(&err, ERR_CONFLICT, "Container %s is being started", id);
		runtime_answer_later(rt, done, arg, &err);
		return;
	}
	if (!has_groups(container)) {
		runtime_answer_later(rt, done, arg, NULL);
		return;
	}
	limiting = NEW(struct limiting);
	*limiting = (struct limiting){ .rt = rt, .done = done, .arg = arg,
				       .spec = { .memory_bytes = spec->memory_bytes, .memory_swap_bytes = spec->memory_swap_bytes,
						 .nano_cpus = spec->nano_cpus, .pids_limit = spec->pids_limit } };
	str_copy(limiting->id, sizeof limiting->id, id);
	limiting->spec.id = limiting->id;
	if (work_submit(rt->config.work, NULL, limiting_run, limiting_done, limiting)) {
		rt->jobs++;
		return;
	}
	free(limiting);
	err_set(&err, ERR_EXHAUSTED, "container %.12s: the work queue is full", id);
	runtime_answer_later(rt, done, arg, &err);
}
