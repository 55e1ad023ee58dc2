/* container_renew_io.c - an ended container is made up to its gate again, on a work thread.
 *
 * Its `spec` is written anew just before the shim starts, and with it goes the end of the life before. Nothing that fails takes anything away: the
 * container is then EXITED as before, with the reason.
 */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "runtime/rootfs_io.h"
#include "runtime/runtime_inside.h"
#include "runtime/shim_plan.h"

enum { CODE_FAILED = 126, ARENA_BYTES = 32 * CONTAINER_SPEC_MAX_BYTES };

/* What is stored, with the new spec if there is one; how its root is made stays. */
static int make_plan(struct container *container, struct arena *arena, struct shim_plan *ret, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(container->dir, "spec");
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct shim_plan plan, given;

	if (file_read(path, CONTAINER_SPEC_MAX_BYTES + SHIM_WIRE_MAX_BYTES, &text, err) < 0 ||
	    shim_plan_decode(buf_text(&text), text.len, arena, &plan, err) < 0)
		return -1;
	if (container->plan_text.len) {
		if (shim_plan_decode(buf_text(&container->plan_text), container->plan_text.len, arena, &given, err) < 0)
			return -1;
		plan.spec = given.spec;
	}
	/* the host may have been booted since, and its groups may be others */
	plan.boot_id = container->rt->boot_id;
	plan.base = container->rt->base_dir;
	plan.dir = container->dir;
	cgroup_fill_plan(&container->rt->cgroups, &plan, arena);
	*ret = plan;
	return 0;
}

static int remove_remains(struct container *container, struct err *err)
{
	const struct cgroup_host *cgroups = &container->rt->cgroups;

	if (container->kills_group && cgroup_kill(cgroups, container->id, err) < 0)
		return -1;
	return dir_remove_tree(container->shim_dir, err) < 0 || cgroup_remove(cgroups, container->id, err) < 0 ? -1 : 0;
}

static int write_plan(const struct container *container, const struct shim_plan *plan, const struct shim_wire *end, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(container->dir, "spec");
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char line[SHIM_WIRE_MAX_BYTES];

	if (shim_plan_encode(plan, &text, err) < 0)
		return -1;
	if (end)
		buf_add(&text, line, shim_wire_format(end, line));
	return file_write_atomic(path, text.data, text.len, 0600, err);
}

/* Reads: rt, id, plan_text. Writes: job_*, made_*. */
static void renew_run(struct container *container)
{
	struct shim_plan plan;
	struct err *err = &container->job_err, ignored;
	struct arena arena;

	arena_init(&arena, "renew", ARENA_BYTES);
	container->job_failed = make_plan(container, &arena, &plan, err) < 0;
	if (!container->job_failed) {
		container->job_failed = remove_remains(container, err) < 0 || container_make_shim_dir(container, err) < 0 ||
					rootfs_prepare(container->dir, plan.uses_overlay, err) < 0 ||
					cgroup_make(&container->rt->cgroups, &plan.spec, err) < 0 ||
					write_plan(container, &plan, NULL, err) < 0 ||
					container_start_shim(container, &plan.spec, &arena, err) < 0;
		if (container->job_failed) {
			struct shim_wire end = { .state = SHIM_WIRE_EXITED, .code = CODE_FAILED, .finished_wall = clock_wall_ns() };

			str_copy(end.error, sizeof end.error, err->text);
			write_plan(container, &plan, &end, &ignored);
			remove_remains(container, &ignored);
		}
	}
	arena_fini(&arena);
}

static void renew_done(struct container *container)
{
	struct err failure;

	buf_fini(&container->plan_text);
	if (!container->job_failed) {
		container->kills_group = false;
		container_take_shim(container);
		return;
	}
	failure = container->job_err;
	container->is_renewal = false;
	container_set_end(container, CODE_FAILED, false, failure.text, 0, clock_wall_ns());
	if (container->is_removing)
		container_remove_step(container);
	else
		waiter_answer(&container->create, &failure);
}

void container_renew(struct container *container)
{
	runtime_keep_self(container->rt);
	container->state = RUNTIME_CREATING;
	container->is_renewal = true;
	container->is_oom = false;
	container->error[0] = '\0';
	container->renews_later = container->shim_watch;
	if (!container->renews_later)
		container_job(container, renew_run, renew_done);
}
