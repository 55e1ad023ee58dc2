/* runtime_io.c - the table of containers and the calls of the room's door. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "os/log.h"
#include "runtime/kcall_io.h"
#include "runtime/privileges_io.h"
#include "runtime/rootfs_io.h"
#include "runtime/runtime_inside.h"
#include "runtime/self_io.h"
#include "runtime/shim_plan.h"

/* A shim is small and must not be the one that the kernel picks: without it the container ends as well. */
enum { SHIM_OOM_SCORE = -998 };

/* --- the table --------------------------------------------------------------------------------- */

struct container *container_new(struct runtime *rt, const char *id)
{
	struct container *container = NEW(struct container);

	*container = (struct container){ .rt = rt, .link_fd = -1, .pidfd = -1, .netns_fd = -1, .shim_pidfd = -1,
					 .made_link_fd = -1, .made_shim_pidfd = -1 };
	str_copy(container->id, sizeof container->id, id);
	container->dir = path_join(rt->containers_dir, id);
	container->shim_dir = path_join(rt->shims_dir, id);
	container->log_path = str_printf("%s/%s-json.log", container->dir, id);
	list_init(&container->removers);
	list_init(&container->readers);
	list_init(&container->calls);
	list_init(&container->job_node);
	map_put(rt->containers, id, container);
	return container;
}

static void container_deafen(struct container *container)
{
	watch_free(container->link_watch);
	container->link_watch = NULL;
	fd_closep(&container->link_fd);
	child_watch_free(container->shim_watch);
	container->shim_watch = NULL;
	log_reader_finish_all(&container->readers);
}

void container_free(struct container *container)
{
	container_deafen(container);
	map_remove(container->rt->containers, container->id);
	list_remove(&container->job_node);
	fd_closep(&container->pidfd);
	fd_closep(&container->netns_fd);
	fd_closep(&container->made_link_fd);
	fd_closep(&container->made_shim_pidfd);
	LIST_EACH(item, &container->removers)
		free(CONTAINER_OF(item, struct waiter, node));
	container_calls_free(container);
	buf_fini(&container->plan_text);
	free(container->dir);
	free(container->shim_dir);
	free(container->log_path);
	free(container);
}

struct container *container_find(const struct runtime *rt, const char *id)
{
	return map_get(rt->containers, id);
}

void runtime_keep_self(const struct runtime *rt)
{
	self_keep(rt->config.binary, rt->run_root, rt->self);
}

/* --- opening ----------------------------------------------------------------------------------- */

static int read_boot_id(struct runtime *rt, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (file_read("/proc/sys/kernel/random/boot_id", 256, &text, err) < 0)
		return -1;
	size_t length = strcspn(buf_text(&text), "\n");

	if (!length || length >= sizeof rt->boot_id)
		return err_set(err, ERR_IO, "/proc/sys/kernel/random/boot_id: not an id");
	memcpy(rt->boot_id, text.data, length);
	return 0;
}

static int open_parts(struct runtime *rt, struct err *err)
{
	/* What a container makes setuid must be out of reach for users of the host (CVE-2021-41091). */
	if (read_boot_id(rt, err) < 0 || dir_make(rt->containers_dir, 0700, err) < 0 || dir_make(rt->shims_dir, 0700, err) < 0)
		return -1;
	if (chmod(rt->containers_dir, 0700) < 0)
		return err_sys(err, "chmod '%s'", rt->containers_dir);
	/* On ext4 without a journal the kernel looks for a free inode past all that were deleted in the last minutes: with every container in the same
	 * group of blocks, a minute of short ones makes each of them several times as expensive. */
	dir_spread(rt->containers_dir);
	dir_spread(rt->shims_dir);
	if (rootfs_make_base(rt->base_dir, err) < 0 || cgroup_open(rt->cgroup_parent, &rt->cgroups, err) < 0)
		return -1;
	if (self_mount(rt->config.binary, rt->run_root, &rt->self, err) < 0)
		return -1;
	rt->shim_oom_score = privileges_have(CAP_SYS_RESOURCE) ? SHIM_OOM_SCORE : 0;
	rt->uses_overlay = rootfs_probe_overlay(rt->containers_dir);
	if (!rt->uses_overlay)
		log_warn("data root '%s' cannot carry overlayfs: the layers of each container are copied", rt->data_root);
	return 0;
}

int runtime_open(const struct runtime_config *config, struct runtime **ret, struct err *err)
{
	struct runtime *rt = NEW(struct runtime);

	rt->config = *config;
	rt->cgroups.device_prog_fd = -1;
	rt->data_root = str_dup(config->data_root);
	rt->run_root = str_dup(config->run_root);
	rt->cgroup_parent = str_dup(config->cgroup_parent);
	rt->containers_dir = path_join(rt->data_root, "containers");
	rt->shims_dir = path_join(rt->run_root, "shims");
	rt->base_dir = path_join(rt->containers_dir, ".base");
	rt->containers = map_new();
	list_init(&rt->execs);
	runtime_jobs_init(rt);
	if (open_parts(rt, err) < 0) {
		runtime_close(rt);
		return -1;
	}
	*ret = rt;
	return 0;
}

void runtime_close(struct runtime *rt)
{
	const char *id;
	void *value;

	if (!rt)
		return;
	rt->is_closed = true;
	timer_cancel(&rt->retry);
	runtime_recovery_free(rt);
	runtime_execs_close(rt);
	for (size_t at = 0; map_next(rt->containers, &at, &id, &value);) {
		struct container *container = value;

		/* one that a work thread holds is freed when that is done, but hears nothing any more */
		container_deafen(container);
		if (!container->has_job || !list_is_empty(&container->job_node))
			container_free(container);
	}
	if (rt->self)
		self_unmount(rt->self);
	runtime_free_closed(rt);
}

/* --- calls ------------------------------------------------------------------------------------- */

struct container *container_find_in(const struct runtime *rt, const char *id, enum runtime_state state, const char *wrong, struct err *err)
{
	struct container *container = container_find(rt, id);

	if (!container) {
		err_set(err, ERR_NOT_FOUND, "No such container: %s", id);
		return NULL;
	}
	if (container->is_removing || container->state != state) {
		err_set(err, ERR_CONFLICT, "container %.12s is not %s", id, wrong);
		return NULL;
	}
	return container;
}

static int ask_to_start(struct container *container, struct err *err)
{
	if (container->start.done)
		return err_set(err, ERR_CONFLICT, "container %.12s is being started", container->id);
	return container_send(container, &(struct shim_wire){ .verb = SHIM_WIRE_START }, err);
}

void runtime_start(struct runtime *rt, const char *id, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct container *container = container_find_in(rt, id, RUNTIME_CREATED, "waiting to be started", &err);

	if (!container || ask_to_start(container, &err) < 0)
		runtime_answer_later(rt, done, arg, &err);
	else
		container->start = (struct waiter){ .done = done, .arg = arg };
}

int runtime_signal(struct runtime *rt, const char *id, int number, struct err *err)
{
	struct container *container = container_find_in(rt, id, RUNTIME_RUNNING, "running", err);

	if (!container)
		return -1;
	if (kcall_pidfd_signal(container->pidfd, number) < 0)
		return errno == ESRCH ? err_set(err, ERR_CONFLICT, "container %.12s is not running", id)
				      : err_sys(err, "signal %d to container %.12s", number, id);
	return 0;
}

/* The first process takes all others of its pid namespace along. */
int runtime_kill(struct runtime *rt, const char *id, struct err *err)
{
	struct container *container = container_find(rt, id);

	if (!container)
		return err_set(err, ERR_NOT_FOUND, "No such container: %s", id);
	if (container->pidfd >= 0 && kcall_pidfd_signal(container->pidfd, SIGKILL) < 0 && errno != ESRCH)
		return err_sys(err, "kill container %.12s", id);
	return 0;
}

void runtime_remove(struct runtime *rt, const char *id, runtime_done_fn *done, void *arg)
{
	struct container *container = container_find(rt, id);

	if (!container) {
		runtime_answer_later(rt, done, arg, NULL);
		return;
	}
	struct waiter *waiter = NEW(struct waiter);

	*waiter = (struct waiter){ .done = done, .arg = arg };
	list_add_last(&container->removers, &waiter->node);
	container->is_removing = true;
	container_remove_step(container);
}

/* --- looking ----------------------------------------------------------------------------------- */

static void describe(const struct container *container, struct runtime_info *ret)
{
	*ret = (struct runtime_info){
		.id = container->id, .state = container->is_removing ? RUNTIME_REMOVING : container->state,
		.pid = container->state == RUNTIME_EXITED ? 0 : container->pid,
		.created_wall = container->created_wall, .started_wall = container->started_wall,
		.finished_wall = container->finished_wall, .exit_code = container->exit_code, .oom_killed = container->is_oom,
		.has_tty = container->has_tty, .is_paused = container->is_paused, .error = container->error, .dir = container->dir, .log_path = container->log_path,
	};
}

bool runtime_inspect(const struct runtime *rt, const char *id, struct runtime_info *ret)
{
	const struct container *container = container_find(rt, id);

	if (container)
		describe(container, ret);
	return container;
}

bool runtime_next(const struct runtime *rt, size_t *at, struct runtime_info *ret)
{
	const char *id;
	void *container;

	if (!map_next(rt->containers, at, &id, &container))
		return false;
	describe(container, ret);
	return true;
}

int runtime_spec(const struct runtime *rt, const char *id, struct arena *arena, struct container_spec *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	const struct container *container = container_find(rt, id);
	struct shim_plan plan;

	if (!container)
		return err_set(err, ERR_NOT_FOUND, "No such container: %s", id);
	char *path = arena_printf(arena, "%s/spec", container->dir);

	if (file_read(path, CONTAINER_SPEC_MAX_BYTES + SHIM_WIRE_MAX_BYTES, &text, err) < 0 ||
	    shim_plan_decode(buf_text(&text), text.len, arena, &plan, err) < 0)
		return -1;
	*ret = plan.spec;
	return 0;
}

int runtime_netns_fd(const struct runtime *rt, const char *id)
{
	const struct container *container = container_find(rt, id);

	return container ? container->netns_fd : -1;
}

int runtime_logs(struct runtime *rt, const char *id, const struct log_query *query, const struct log_reader_events *events, void *arg,
		 struct log_reader **ret, struct err *err)
{
	struct container *container = container_find(rt, id);

	if (!container)
		return err_set(err, ERR_NOT_FOUND, "No such container: %s", id);
	*ret = log_reader_new(rt->config.loop, container->log_path, query, events, arg);
	if (container->state == RUNTIME_EXITED)
		log_reader_finish(*ret);
	else
		log_reader_enlist(*ret, &container->readers);
	return 0;
}

void runtime_facts(const struct runtime *rt, struct runtime_facts *ret)
{
	const struct cgroup_layout *layout = &rt->cgroups.layout;
	uint32_t action = SECCOMP_RET_ERRNO;

	*ret = (struct runtime_facts){
		.storage_driver = rt->uses_overlay ? "overlay2" : "copy",
		.cgroup_version = layout->is_unified ? 2 : 1,
		.has_unified = layout->v2_mount[0],
		.has_memory = layout->controllers & CGROUP_MEMORY,
		.limits_swap = cgroup_limits_swap(layout, rt->cgroups.parent),
		.has_cpu = layout->controllers & CGROUP_CPU,
		.has_pids = layout->controllers & CGROUP_PIDS,
		.has_devices = layout->controllers & CGROUP_DEVICES || rt->cgroups.device_prog_fd >= 0,
		.has_seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0,
	};
}
