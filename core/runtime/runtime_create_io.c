/* runtime_create_io.c - the calls that make a container, or make one anew: its spec checked, and encoded as the plan of its shim. */
#include <string.h>
#include <sys/utsname.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"
#include "runtime/runtime_inside.h"
#include "runtime/seccomp_profile.h"
#include "runtime/shim_plan.h"

static int check_spec(struct runtime *rt, const struct container_spec *spec, struct err *err)
{
	return container_spec_check(spec, err) < 0 || cgroup_check_limits(&rt->cgroups.layout, spec, err) < 0 ? -1 : 0;
}

/* A filter of its own is compiled here: what it lets through depends on this host's kernel. */
static int compile_profile(struct container_spec *spec, struct arena *arena, struct err *err)
{
	struct seccomp_filter *filter = ARENA_NEW(arena, struct seccomp_filter);
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct utsname uts;

	uname(&uts);
	if (seccomp_profile_compile(spec->seccomp_profile, strlen(spec->seccomp_profile), spec->caps, uts.release, arena, filter, err) < 0 ||
	    seccomp_profile_check_start(filter, err) < 0)
		return -1;
	put_u32(&bytes, filter->flags);
	buf_add(&bytes, filter->insns, filter->count * sizeof *filter->insns);
	base64_encode(bytes.data, bytes.len, &text);
	spec->seccomp_enabled = filter->count > 0;
	spec->seccomp_program = arena_strdup(arena, buf_text(&text));
	return 0;
}

/* Into plan_text, for a job. */
static int encode_plan(struct container *container, const struct container_spec *spec, struct err *err)
{
	struct runtime *rt = container->rt;
	struct shim_plan plan = { .boot_id = rt->boot_id, .dir = container->dir, .base = rt->base_dir, .uses_overlay = rt->uses_overlay,
				  .spec = *spec };
	struct arena arena;

	arena_init(&arena, "encode_plan", 64 << 20);
	cgroup_fill_plan(&rt->cgroups, &plan, &arena);
	int result = str_is_empty(spec->seccomp_profile) ? 0 : compile_profile(&plan.spec, &arena, err);

	if (result == 0)
		result = shim_plan_encode(&plan, &container->plan_text, err);

	arena_fini(&arena);
	if (result == 0 && container->plan_text.len > CONTAINER_SPEC_MAX_BYTES)
		result = err_set(err, ERR_INVALID, "container spec: larger than %d bytes", CONTAINER_SPEC_MAX_BYTES);
	if (result < 0)
		buf_fini(&container->plan_text);
	return result;
}

/* NULL with err when there will be no container. */
static struct container *prepare_create(struct runtime *rt, const struct container_spec *spec, struct err *err)
{
	if (check_spec(rt, spec, err) < 0)
		return NULL;
	if (container_find(rt, spec->id)) {
		err_set(err, ERR_CONFLICT, "container %.12s exists already", spec->id);
		return NULL;
	}
	struct container *container = container_new(rt, spec->id);

	container->created_wall = spec->created_wall;
	container->has_tty = spec->has_tty;
	if (encode_plan(container, spec, err) < 0) {
		container_free(container);
		return NULL;
	}
	return container;
}

void runtime_create(struct runtime *rt, const struct container_spec *spec, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct container *container = prepare_create(rt, spec, &err);

	if (!container) {
		runtime_answer_later(rt, done, arg, &err);
		return;
	}
	container->create = (struct waiter){ .done = done, .arg = arg };
	container_create(container);
}

static struct container *prepare_renewal(struct runtime *rt, const char *id, const struct container_spec *spec, struct err *err)
{
	struct container *container = container_find_in(rt, id, RUNTIME_EXITED, "stopped", err);

	if (!container || !spec)
		return container;
	check(str_eq(spec->id, id));
	if (check_spec(rt, spec, err) < 0 || encode_plan(container, spec, err) < 0)
		return NULL;
	container->has_tty = spec->has_tty;
	return container;
}

void runtime_renew(struct runtime *rt, const char *id, const struct container_spec *spec, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct container *container = prepare_renewal(rt, id, spec, &err);

	if (!container) {
		runtime_answer_later(rt, done, arg, &err);
		return;
	}
	container->create = (struct waiter){ .done = done, .arg = arg };
	container_renew(container);
}
