/* container_remove_io.c - the way out of a container: killed if it lives, its shim's end, then everything it had on this host. */
#include <signal.h>
#include <stdlib.h>

#include "base/str.h"
#include "os/file.h"
#include "os/log.h"
#include "runtime/kcall_io.h"
#include "runtime/runtime_inside.h"

static void remove_run(struct container *container)
{
	struct err *err = &container->job_err;
	const struct cgroup_host *cgroups = &container->rt->cgroups;

	container->job_failed = (container->kills_group && cgroup_kill(cgroups, container->id, err) < 0) ||
				dir_remove_tree(container->dir, err) < 0 || dir_remove_tree(container->shim_dir, err) < 0 ||
				cgroup_remove(cgroups, container->id, err) < 0;
}

/* The container is gone from the table before anyone is told, for he may create it anew. */
static void remove_done(struct container *container)
{
	struct runtime *rt = container->rt;
	struct err failure = container->job_err, why;
	bool failed = container->job_failed;
	struct waiter create = container->create;
	struct list told;

	if (container->failure_code)
		err_set(&why, container->failure_code, "%s", container->error);
	else
		err_set(&why, ERR_CONFLICT, "container %.12s was removed while it was being created", container->id);
	list_init(&told);
	LIST_EACH(item, &container->removers) {
		list_remove(item);
		list_add_last(&told, item);
	}
	container->is_removing = container->is_renewal = container->renews_later = false;
	container->state = RUNTIME_EXITED;
	container->create.done = NULL;
	if (failed)
		log_warn("container %.12s: cannot be removed: %s", container->id, failure.text);
	else
		container_free(container);
	LIST_EACH(item, &told) {
		struct waiter *waiter = CONTAINER_OF(item, struct waiter, node);

		runtime_answer_later(rt, waiter->done, waiter->arg, failed ? &failure : NULL);
		free(waiter);
	}
	waiter_answer(&create, &why);
}

void container_remove_step(struct container *container)
{
	if (!container->is_removing || container->has_job)
		return;
	if (container->link_fd >= 0) {
		/* A container that is being made dies with its shim; another one is left to it, which then ends as always. */
		if (container->pidfd >= 0)
			kcall_pidfd_signal(container->pidfd, SIGKILL);
		else if (container->shim_pidfd >= 0)
			kcall_pidfd_signal(container->shim_pidfd, SIGKILL);
		return;          /* until container_cut */
	}
	if (container->shim_watch)
		return;          /* until it is reaped */
	container_job(container, remove_run, remove_done);
}
