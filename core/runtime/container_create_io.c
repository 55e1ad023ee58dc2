/* container_create_io.c - directories, groups, socket and shim of a new container, on a work thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "runtime/kcall_io.h"
#include "runtime/rootfs_io.h"
#include "runtime/runtime_inside.h"
#include "runtime/shim.h"
#include "runtime/shim_plan.h"

enum { BACKLOG = 8, ARENA_BYTES = 16 * CONTAINER_SPEC_MAX_BYTES };

static int write_spec(const char *path, const struct buf *text, struct err *err)
{
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, text->data, text->len) < 0)
		return err_sys(err, "write '%s'", path);
	return 0;
}

int container_make_shim_dir(const struct container *container, struct err *err)
{
	return mkdir(container->shim_dir, 0700) < 0 ? err_sys(err, "mkdir '%s'", container->shim_dir) : 0;
}

/* The spec lies in the data root, where it outlives a reboot. */
static int make_dirs(const struct container *container, struct err *err)
{
	CLEANUP(str_freep) char *spec = path_join(container->dir, "spec");

	if (mkdir(container->dir, 0700) < 0)
		return err_sys(err, "mkdir '%s'", container->dir);
	if (container_make_shim_dir(container, err) < 0)
		return -1;
	return write_spec(spec, &container->plan_text, err);
}

/* Made here, not by the shim: whoever finds the directory can connect at once. By descriptor, for a path may be longer than a
 * socket's name (unix(7): 108 bytes). */
static int make_socket(const char *shim_dir, int *ret_fd, struct err *err)
{
	CLEANUP(fd_closep) int dir = open(shim_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d/sock", dir);
	if (dir < 0 || fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(err, "make socket '%s/sock'", shim_dir);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* -1 for what this host does not have: the shim gets /dev/null in its place. */
struct shim_fds { int listener, ours, theirs, dir, cgroup, oom; };

static void close_shim_fds(struct shim_fds *fds)
{
	int *all[] = { &fds->listener, &fds->ours, &fds->theirs, &fds->dir, &fds->cgroup, &fds->oom };

	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		fd_closep(all[i]);
}

static int open_shim_fds(const struct container *container, struct shim_fds *ret, struct err *err)
{
	int pair[2];

	ret->dir = open(container->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ret->cgroup = cgroup_open_v2(&container->rt->cgroups, container->id);
	ret->oom = cgroup_open_oom(&container->rt->cgroups, container->id);
	if (ret->dir < 0)
		return err_sys(err, "open '%s'", container->dir);
	if (make_socket(container->shim_dir, &ret->listener, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "make a socket pair");
	ret->ours = pair[0];
	ret->theirs = pair[1];
	return fd_set_nonblocking(ret->ours, true) < 0 ? err_sys(err, "make a socket pair") : 0;
}

static int exec_shim(struct container *container, const struct container_spec *spec, const struct shim_fds *open, struct arena *arena,
		     struct err *err)
{
	bool has_log = spec->log_driver != CONTAINER_LOG_NONE;
	char *argv[SHIM_WORD_COUNT + 3] = { (char[]){ "swarmbox" }, (char[]){ "shim" } };
	struct child_fd fds[] = { { open->listener, SHIM_LISTEN_FD }, { open->theirs, SHIM_AGENT_FD }, { open->dir, SHIM_DIR_FD },
				  { open->cgroup, SHIM_CGROUP_FD }, { open->oom, SHIM_OOM_FD } };
	struct child_spec child = { .path = container->rt->self, .argv = argv, .fds = fds, .fd_count = ARRAY_COUNT(fds),
				    .own_session = true, .oom_score_adj = container->rt->shim_oom_score };
	pid_t pid;

	argv[2 + SHIM_WORD_DIR] = container->shim_dir;
	argv[2 + SHIM_WORD_NETWORK] = arena_strdup(arena, spec->network == CONTAINER_NET_HOST ? SHIM_NETWORK_HOST : "own");
	argv[2 + SHIM_WORD_STDIO] = arena_printf(arena, "-%s%s%s", spec->has_tty ? "t" : "", spec->has_stdin ? "i" : "", spec->is_stdin_once ? "o" : "");
	argv[2 + SHIM_WORD_LOG] = arena_strdup(arena, has_log ? "json-file" : SHIM_LOG_NONE);
	argv[2 + SHIM_WORD_LOG_BYTES] = arena_printf(arena, "%lld", (long long)spec->log_max_bytes);
	argv[2 + SHIM_WORD_LOG_FILES] = arena_printf(arena, "%d", spec->log_max_files);
	cgroup_place_shim(&container->rt->cgroups, container->id, arena, &child);
	return child_start(&child, &container->made_shim_pidfd, &pid, err);
}

int container_start_shim(struct container *container, const struct container_spec *spec, struct arena *arena, struct err *err)
{
	struct shim_fds fds = { -1, -1, -1, -1, -1, -1 };
	int result = open_shim_fds(container, &fds, err);

	if (result == 0)
		result = exec_shim(container, spec, &fds, arena, err);
	if (result == 0)
		container->made_link_fd = fd_take(&fds.ours);
	close_shim_fds(&fds);
	return result;
}

/* Reads: rt, id, plan_text. Writes: job_*, made_*. */
static void create_run(struct container *container)
{
	struct shim_plan plan;
	struct err *err = &container->job_err;
	struct arena arena;

	arena_init(&arena, "create", ARENA_BYTES);
	container->job_failed = shim_plan_decode(container->plan_text.data, container->plan_text.len, &arena, &plan, err) < 0 ||
				make_dirs(container, err) < 0 || rootfs_prepare(container->dir, plan.uses_overlay, err) < 0 ||
				cgroup_make(&container->rt->cgroups, &plan.spec, err) < 0 ||
				container_start_shim(container, &plan.spec, &arena, err) < 0;
	arena_fini(&arena);
}

void container_take_shim(struct container *container)
{
	container_watch_shim(container, fd_take(&container->made_shim_pidfd));
	container_link(container, fd_take(&container->made_link_fd));
	if (container->is_removing)
		container_remove_step(container);
}

static void create_done(struct container *container)
{
	buf_fini(&container->plan_text);
	if (container->job_failed) {
		str_copy(container->error, sizeof container->error, container->job_err.text);
		container->failure_code = container->job_err.code;
		container->state = RUNTIME_EXITED;
		container->is_removing = true;   /* answers the creator when all is gone again */
		container_remove_step(container);
		return;
	}
	container_take_shim(container);
}

void container_create(struct container *container)
{
	runtime_keep_self(container->rt);
	container->state = RUNTIME_CREATING;
	container_job(container, create_run, create_done);
}
