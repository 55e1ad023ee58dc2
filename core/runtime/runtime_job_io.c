/* runtime_job_io.c - what the runtime waits for: jobs of containers on the work threads, answers that are due at the end of this round. With the last of
 * them goes a runtime that was closed.
 */
#include <stdlib.h>

#include "base/panic.h"
#include "runtime/runtime_inside.h"

enum { RETRY_MS = 20 };

void runtime_free_closed(struct runtime *rt)
{
	if (!rt->is_closed || rt->jobs || rt->calls)
		return;
	map_free(rt->containers);
	cgroup_close(&rt->cgroups);
	free(rt->data_root);
	free(rt->run_root);
	free(rt->cgroup_parent);
	free(rt->self);
	free(rt->containers_dir);
	free(rt->shims_dir);
	free(rt->base_dir);
	free(rt);
}

bool runtime_job_ended(struct runtime *rt)
{
	bool is_closed = rt->is_closed;

	rt->jobs--;
	runtime_free_closed(rt);
	return is_closed;
}

/* --- jobs -------------------------------------------------------------------------------------- */

static void submit_jobs(struct runtime *rt);

static void job_run(void *arg)
{
	struct container *container = arg;

	container->job_run(container);
}

static void job_done(void *arg)
{
	struct container *container = arg;
	struct runtime *rt = container->rt;

	container->has_job = false;
	if (rt->is_closed)
		container_free(container);
	if (runtime_job_ended(rt))
		return;
	container->job_done(container);
	submit_jobs(rt);
}

static void on_retry(void *arg)
{
	submit_jobs(arg);
}

static void submit_jobs(struct runtime *rt)
{
	while (!list_is_empty(&rt->waiting_jobs) && rt->jobs < RUNTIME_MAX_JOBS) {
		struct container *container = CONTAINER_OF(rt->waiting_jobs.next, struct container, job_node);

		if (!work_submit(rt->config.work, NULL, job_run, job_done, container)) {
			if (!rt->jobs)           /* else the end of one of ours brings us back */
				timer_set_in(&rt->retry, RETRY_MS);
			return;
		}
		list_remove(&container->job_node);
		rt->jobs++;
	}
}

void container_job(struct container *container, container_job_fn *run, container_job_fn *done)
{
	check(!container->has_job);
	container->has_job = true;
	container->job_run = run;
	container->job_done = done;
	container->job_failed = false;
	list_add_last(&container->rt->waiting_jobs, &container->job_node);
	submit_jobs(container->rt);
}

void runtime_jobs_init(struct runtime *rt)
{
	list_init(&rt->waiting_jobs);
	timer_init(&rt->retry, rt->config.loop, on_retry, rt);
}

/* --- answers ----------------------------------------------------------------------------------- */

struct call {
	struct runtime *rt;
	runtime_done_fn *done;
	runtime_stream_fn *take_stream;
	runtime_top_fn *take_top;
	void *arg;
	struct err err;
	bool has_failed;
};

static void call_now(void *arg)
{
	struct call *call = arg;
	struct runtime *rt = call->rt;
	const struct err *failure = call->has_failed ? &call->err : NULL;

	rt->calls--;
	if (!rt->is_closed && call->take_stream)
		call->take_stream(call->arg, -1, failure);
	else if (!rt->is_closed && call->take_top)
		call->take_top(call->arg, NULL, failure);
	else if (!rt->is_closed)
		call->done(call->arg, failure);
	free(call);
	runtime_free_closed(rt);
}

static void call_later(struct call call, const struct err *failure)
{
	struct call *kept = NEW(struct call);

	*kept = call;
	kept->has_failed = failure;
	if (failure)
		kept->err = *failure;
	call.rt->calls++;
	loop_defer(call.rt->config.loop, call_now, kept);
}

void runtime_answer_later(struct runtime *rt, runtime_done_fn *done, void *arg, const struct err *failure)
{
	call_later((struct call){ .rt = rt, .done = done, .arg = arg }, failure);
}

void runtime_refuse_stream_later(struct runtime *rt, runtime_stream_fn *take_stream, void *arg, const struct err *failure)
{
	call_later((struct call){ .rt = rt, .take_stream = take_stream, .arg = arg }, failure);
}

void runtime_refuse_top_later(struct runtime *rt, runtime_top_fn *take_top, void *arg, const struct err *failure)
{
	call_later((struct call){ .rt = rt, .take_top = take_top, .arg = arg }, failure);
}

void waiter_answer(struct waiter *waiter, const struct err *failure)
{
	runtime_done_fn *done = waiter->done;

	waiter->done = NULL;
	if (done)
		done(waiter->arg, failure);
}
