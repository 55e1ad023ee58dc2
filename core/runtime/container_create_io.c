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
#include "runtime/kcall.h"
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

/* The spec lies in the data root, where it outlives a reboot; the shim finds it beside its socket. */
static int make_dirs(const struct container *container, struct err *err)
{
	CLEANUP(str_freep) char *spec = path_join(container->dir, "spec");
	CLEANUP(str_freep) char *link = path_join(container->shim_dir, "spec");

	if (mkdir(container->dir, 0711) < 0)
		return err_sys(err, "mkdir '%s'", container->dir);
	if (mkdir(container->shim_dir, 0700) < 0)
		return err_sys(err, "mkdir '%s'", container->shim_dir);
	if (write_spec(spec, &container->plan_text, err) < 0)
		return -1;
	return symlink(spec, link) < 0 ? err_sys(err, "link '%s'", link) : 0;
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

static int start_shim(struct container *container, struct arena *arena, struct err *err)
{
	CLEANUP(fd_closep) int listener = -1;
	CLEANUP(fd_closep) int ours = -1;
	CLEANUP(fd_closep) int theirs = -1;
	int pair[2];
	pid_t pid;

	if (make_socket(container->shim_dir, &listener, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	char *argv[] = { (char[]){ "swarmbox" }, (char[]){ "shim" }, container->shim_dir, NULL };
	struct child_fd fds[] = { { listener, SHIM_LISTEN_FD }, { theirs, SHIM_AGENT_FD } };
	struct child_spec spec = { .path = container->rt->self, .argv = argv, .fds = fds, .fd_count = ARRAY_COUNT(fds),
				   .own_session = true, .oom_score_adj = container->rt->shim_oom_score };

	cgroup_shim_procs(&container->rt->cgroups, container->id, arena, spec.cgroup_procs);
	if (fd_set_nonblocking(ours, true) < 0)
		return err_sys(err, "make a socket pair");
	if (child_start(&spec, &container->made_shim_pidfd, &pid, err) < 0)
		return -1;
	container->made_link_fd = fd_take(&ours);
	return 0;
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
				start_shim(container, &arena, err) < 0;
	arena_fini(&arena);
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
	container_watch_shim(container, fd_take(&container->made_shim_pidfd));
	container_link(container, fd_take(&container->made_link_fd));
	if (container->is_removing)
		container_remove_step(container);
}

void container_create(struct container *container)
{
	container->state = RUNTIME_CREATING;
	container_job(container, create_run, create_done);
}
