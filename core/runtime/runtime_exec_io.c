/* runtime_exec_io.c - the agent's side of processes beside a container's own: their shims started, heard, and let go.
 *
 * A work thread starts the shim. Its first word is that the program runs, or why it does not; its second the end. A handle that its owner has freed lives
 * on in here, silent, until the shim has ended and is reaped.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/child.h"
#include "os/file.h"
#include "os/log.h"
#include "runtime/exec_shim.h"
#include "runtime/packet_io.h"
#include "runtime/runtime_inside.h"

enum { CODE_NO_SHIM = 126, CODE_KILLED = 128 + SIGKILL };
enum exec_state { EXEC_MAKING, EXEC_WAITING, EXEC_RUNNING, EXEC_ENDED };

struct runtime_exec {
	struct runtime *rt;
	struct list node;                /* of rt->execs */
	struct runtime_exec_events events;
	void *arg;
	enum exec_state state;
	int stream_fd;                   /* the client's end, until it is handed out */
	int link_fd;                     /* to its shim */
	struct watch *link_watch;
	struct child_watch *shim_watch;
	bool has_tty, is_freed;
	char id[HEX_ID_SIZE];

	/* into the job, and out of it */
	char letters[8];
	int job_fds[6];                  /* by EXEC_*_FD - EXEC_LINK_FD; -1: none */
	int made_shim_pidfd;
	struct err job_err;
	bool job_failed;
};

/* --- the end ----------------------------------------------------------------------------------- */

static void close_job_fds(struct runtime_exec *exec)
{
	for (size_t i = 0; i < ARRAY_COUNT(exec->job_fds); i++) {
		fd_closep(&exec->job_fds[i]);
		exec->job_fds[i] = -1;
	}
}

static void destroy(struct runtime_exec *exec)
{
	if (!list_is_empty(&exec->node))
		exec->rt->exec_count--;
	list_remove(&exec->node);
	watch_free(exec->link_watch);
	child_watch_free(exec->shim_watch);
	fd_closep(&exec->stream_fd);
	fd_closep(&exec->link_fd);
	fd_closep(&exec->made_shim_pidfd);
	close_job_fds(exec);
	free(exec);
}

/* Nobody owns it, and nothing of it is left to wait for. */
static void destroy_if_done(struct runtime_exec *exec)
{
	if (exec->is_freed && exec->state != EXEC_MAKING && !exec->shim_watch && exec->link_fd < 0)
		destroy(exec);
}

static void hang_up(struct runtime_exec *exec)
{
	watch_free(exec->link_watch);
	exec->link_watch = NULL;
	fd_closep(&exec->link_fd);
	exec->link_fd = -1;
}

void runtime_exec_free(struct runtime_exec *exec)
{
	if (!exec)
		return;
	exec->is_freed = true;
	fd_closep(&exec->stream_fd);
	exec->stream_fd = -1;
	hang_up(exec);                   /* a shim that is bound to us kills its process now */
	destroy_if_done(exec);
}

void runtime_execs_close(struct runtime *rt)
{
	LIST_EACH(item, &rt->execs) {
		struct runtime_exec *exec = CONTAINER_OF(item, struct runtime_exec, node);

		exec->is_freed = true;
		if (exec->state != EXEC_MAKING)
			destroy(exec);
	}
}

/* --- the shim's words -------------------------------------------------------------------------- */

/* The callbacks come last: they may free the handle. */
static void tell_failed(struct runtime_exec *exec, int code, const struct err *failure)
{
	exec->state = EXEC_ENDED;
	if (!exec->is_freed)
		exec->events.on_started(exec->arg, NULL, code, failure);
}

static void tell_started(struct runtime_exec *exec, pid_t pid)
{
	struct runtime_exec_started started = { .pid = pid, .stream_fd = fd_take(&exec->stream_fd) };

	exec->state = EXEC_RUNNING;
	exec->events.on_started(exec->arg, &started, 0, NULL);
}

static void tell_exit(struct runtime_exec *exec, int code)
{
	exec->state = EXEC_ENDED;
	if (!exec->is_freed)
		exec->events.on_exit(exec->arg, code);
}

static void take_word(struct runtime_exec *exec, const struct shim_wire *word)
{
	struct err err;

	if (exec->state == EXEC_WAITING && word->state == SHIM_WIRE_RUNNING) {
		tell_started(exec, word->pid);
	} else if (exec->state == EXEC_WAITING) {
		err_set(&err, ERR_INVALID, "%s", word->error);
		tell_failed(exec, word->code, &err);
	} else if (exec->state == EXEC_RUNNING && word->state == SHIM_WIRE_EXITED) {
		tell_exit(exec, word->code);
	}
}

/* A shim that goes without its last word was killed, and its process with it. */
static void take_silence(struct runtime_exec *exec)
{
	struct err err;

	hang_up(exec);
	if (exec->state == EXEC_WAITING) {
		err_set(&err, ERR_IO, "the process in container %.12s was lost before it ran", exec->id);
		tell_failed(exec, CODE_NO_SHIM, &err);
	} else if (exec->state == EXEC_RUNNING) {
		tell_exit(exec, CODE_KILLED);
	}
}

static void on_link(void *arg, unsigned events UNUSED)
{
	struct runtime_exec *exec = arg;
	char text[SHIM_WIRE_MAX_BYTES];
	struct shim_wire word;
	struct err err;
	ssize_t length = recv(exec->link_fd, text, sizeof text, MSG_DONTWAIT);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0)
		take_silence(exec);
	else if (shim_wire_parse(text, (size_t)length, &word, &err) < 0)
		log_warn("exec in container %.12s: its shim said something strange: %s", exec->id, err.text);
	else
		take_word(exec, &word);
}

static void on_shim_exit(void *arg, int exit_code UNUSED)
{
	struct runtime_exec *exec = arg;

	exec->shim_watch = NULL;
	destroy_if_done(exec);
}

/* --- the job ----------------------------------------------------------------------------------- */

static int job_fd(const struct runtime_exec *exec, int number)
{
	return exec->job_fds[number - EXEC_LINK_FD];
}

/* On a work thread. Reads: rt, id, letters, job_fds. Writes: made_shim_pidfd, job_*. */
static void start_shim(void *arg)
{
	struct runtime_exec *exec = arg;
	struct child_fd fds[ARRAY_COUNT(exec->job_fds)];
	char *const argv[] = { (char[]){ "swarmbox" }, (char[]){ "shim" }, (char[]){ EXEC_SHIM_WORD }, exec->letters, NULL };
	struct child_spec child = { .path = exec->rt->self, .argv = argv, .fds = fds, .own_session = true,
				    .oom_score_adj = exec->rt->shim_oom_score };
	struct arena arena;
	pid_t pid;

	for (int number = EXEC_LINK_FD; number <= EXEC_CLIENT_FD; number++)
		if (job_fd(exec, number) >= 0)
			fds[child.fd_count++] = (struct child_fd){ job_fd(exec, number), number };
	arena_init(&arena, "exec", 1 << 16);
	cgroup_place_shim(&exec->rt->cgroups, exec->id, &arena, &child);
	exec->job_failed = child_start(&child, &exec->made_shim_pidfd, &pid, &exec->job_err) < 0;
	arena_fini(&arena);
	close_job_fds(exec);
}

static void shim_started(void *arg)
{
	struct runtime_exec *exec = arg;
	struct runtime *rt = exec->rt;
	bool is_closed = rt->is_closed;

	exec->state = exec->job_failed ? EXEC_ENDED : EXEC_WAITING;
	if (is_closed)
		destroy(exec);
	if (runtime_job_ended(rt) || is_closed)
		return;
	if (exec->job_failed) {
		if (!exec->is_freed) {
			hang_up(exec);
			tell_failed(exec, CODE_NO_SHIM, &exec->job_err);
			return;
		}
		destroy_if_done(exec);
		return;
	}
	exec->shim_watch = child_watch(rt->config.loop, fd_take(&exec->made_shim_pidfd), on_shim_exit, exec);
	if (!exec->is_freed)
		exec->link_watch = watch_new(rt->config.loop, exec->link_fd, LOOP_READ, on_link, exec);
}

/* --- starting ---------------------------------------------------------------------------------- */

static int put_spec(const struct container_exec *spec, int *ret_fd, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(fd_closep) int fd = -1;

	if (container_exec_encode(spec, &text, err) < 0)
		return -1;
	fd = memfd_create("swarmbox-exec", MFD_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, text.data, text.len) < 0)
		return err_sys(err, "exec");
	*ret_fd = fd_take(&fd);
	return 0;
}

static int make_pair(int type, int *ret_ours, int *ret_theirs, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_sys(err, "make a socket pair");
	*ret_ours = pair[0];
	*ret_theirs = pair[1];
	return 0;
}

static int prepare(struct runtime_exec *exec, const struct container *container, const struct container_exec *spec, struct err *err)
{
	int *fds = exec->job_fds;
	bool has_client = spec->has_stdin || spec->has_output || spec->has_tty;

	if (put_spec(spec, &fds[EXEC_SPEC_FD - EXEC_LINK_FD], err) < 0 ||
	    make_pair(SOCK_SEQPACKET, &exec->link_fd, &fds[EXEC_LINK_FD - EXEC_LINK_FD], err) < 0)
		return -1;
	if (has_client && make_pair(SOCK_STREAM, &exec->stream_fd, &fds[EXEC_CLIENT_FD - EXEC_LINK_FD], err) < 0)
		return -1;
	fds[EXEC_DIR_FD - EXEC_LINK_FD] = open(container->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fds[EXEC_PIDFD_FD - EXEC_LINK_FD] = fcntl(container->pidfd, F_DUPFD_CLOEXEC, 3);
	fds[EXEC_CGROUP_FD - EXEC_LINK_FD] = cgroup_open_v2(&exec->rt->cgroups, exec->id);
	if (job_fd(exec, EXEC_DIR_FD) < 0 || job_fd(exec, EXEC_PIDFD_FD) < 0)
		return err_sys(err, "exec in container %.12s", exec->id);
	snprintf(exec->letters, sizeof exec->letters, "-%s%s%s%s%s%s", spec->has_tty ? "t" : "", spec->has_stdin ? "i" : "",
		 spec->has_output || spec->has_tty ? "o" : "", job_fd(exec, EXEC_CGROUP_FD) >= 0 ? "g" : "", has_client ? "c" : "",
		 spec->ends_with_agent ? "b" : "");
	return 0;
}

int runtime_exec_new(struct runtime *rt, const char *id, const struct container_exec *spec, const struct runtime_exec_events *events, void *arg,
		     struct runtime_exec **ret, struct err *err)
{
	struct container *container = container_find_in(rt, id, RUNTIME_RUNNING, "running", err);

	if (!container || container_exec_check(spec, err) < 0)
		return -1;
	if (container->is_paused)
		return err_set(err, ERR_CONFLICT, "Container %s is paused, unpause the container before exec", id);
	runtime_keep_self(rt);
	if (rt->exec_count == RUNTIME_MAX_EXECS)
		return err_set(err, ERR_EXHAUSTED, "more than %d processes are run beside those of containers", RUNTIME_MAX_EXECS);
	struct runtime_exec *exec = NEW(struct runtime_exec);

	*exec = (struct runtime_exec){ .rt = rt, .events = *events, .arg = arg, .stream_fd = -1, .link_fd = -1,
				       .made_shim_pidfd = -1, .has_tty = spec->has_tty, .job_fds = { -1, -1, -1, -1, -1, -1 } };
	list_init(&exec->node);
	str_copy(exec->id, sizeof exec->id, id);
	if (prepare(exec, container, spec, err) < 0) {
		destroy(exec);
		return -1;
	}
	if (!work_submit(rt->config.work, NULL, start_shim, shim_started, exec)) {
		destroy(exec);
		return err_set(err, ERR_EXHAUSTED, "exec in container %.12s: the work queue is full", id);
	}
	rt->jobs++;
	rt->exec_count++;
	list_add_last(&rt->execs, &exec->node);
	*ret = exec;
	return 0;
}

int runtime_exec_resize(struct runtime_exec *exec, unsigned rows, unsigned columns, struct err *err)
{
	struct shim_wire request = { .verb = SHIM_WIRE_RESIZE, .rows = MIN(rows, UINT16_MAX), .columns = MIN(columns, UINT16_MAX) };

	if (!exec->has_tty)
		return err_set(err, ERR_INVALID, "the process in container %.12s has no terminal", exec->id);
	if (exec->state != EXEC_RUNNING)
		return err_set(err, ERR_CONFLICT, "the process in container %.12s is not running", exec->id);
	return packet_send_wire(exec->link_fd, &request, NULL, 0) < 0 ? err_sys(err, "size of the terminal in container %.12s", exec->id) : 0;
}
