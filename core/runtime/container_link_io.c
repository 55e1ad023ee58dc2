/* container_link_io.c - the agent's end of a shim's connection: what it says, and what its end means.
 *
 * The end of the connection is the end of the container: the shim writes `exit` before it closes. No file then means that the shim was killed;
 * the container's group is killed as well, for nobody would see its end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "runtime/packet_io.h"
#include "runtime/runtime_inside.h"
#include "runtime/shim_plan.h"

enum { END_MAX_BYTES = SHIM_WIRE_MAX_BYTES, CODE_UNKNOWN = 255 };

/* --- the end ----------------------------------------------------------------------------------- */

static bool parse_end(const char *text, struct shim_wire *ret)
{
	struct err ignored;

	return *text && shim_wire_parse(text, strlen(text), ret, &ignored) == 0 && ret->state == SHIM_WIRE_EXITED;
}

bool container_read_end(const char *shim_dir, const char *dir, struct shim_wire *ret)
{
	CLEANUP(str_freep) char *exit = path_join(shim_dir, "exit");
	CLEANUP(str_freep) char *spec = path_join(dir, "spec");
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err ignored;

	if (file_read(exit, END_MAX_BYTES, &text, &ignored) == 0 && parse_end(buf_text(&text), ret))
		return true;
	buf_clear(&text);
	return file_read(spec, CONTAINER_SPEC_MAX_BYTES + END_MAX_BYTES, &text, &ignored) == 0 &&
	       parse_end(shim_plan_end(buf_text(&text)), ret);
}

void container_set_end(struct container *container, int code, bool is_oom, const char *error, nsec started, nsec finished)
{
	container->state = RUNTIME_EXITED;
	container->is_paused = false;
	container->exit_code = code;
	container->is_oom = is_oom;
	container->finished_wall = finished;
	if (started)
		container->started_wall = started;
	str_copy(container->error, sizeof container->error, error);
	fd_closep(&container->pidfd);
	fd_closep(&container->netns_fd);
	container->pidfd = container->netns_fd = -1;
}

static void tell_exit(struct container *container)
{
	struct runtime_exit exit = { .id = container->id, .code = container->exit_code, .oom_killed = container->is_oom,
				     .error = container->error, .finished_wall = container->finished_wall };

	container->rt->config.on_exit(container->rt->config.arg, &exit);
}

/* Whoever waits for an answer gets this end as one; else it is news. The callback comes last: it may do anything. */
static void announce_end(struct container *container, enum runtime_state before)
{
	struct runtime *rt = container->rt;
	bool was_awaited = container->is_awaited;
	struct waiter start = container->start;
	struct err err;

	container->start.done = NULL;
	container->is_awaited = false;
	log_reader_finish_all(&container->readers);
	bool was_renewal = before == RUNTIME_CREATING && container->is_renewal;

	if (was_renewal)
		container->failure_code = 0;
	container->is_renewal = false;
	if (before == RUNTIME_CREATING && !was_awaited && !was_renewal)
		container->is_removing = true;   /* answers the creator when it is done */
	if (container->is_removing)
		container_remove_step(container);
	err_set(&err, ERR_INVALID, "%s", container->error[0] ? container->error : "the container ended before it was started");
	if (was_awaited)
		runtime_recovered_one(rt);
	else if (was_renewal && !container->is_removing)
		waiter_answer(&container->create, &err);
	else if (start.done)
		waiter_answer(&start, &err);
	else if (!container->is_removing)
		tell_exit(container);
}

static void bury_run(struct container *container)
{
	container->job_failed = cgroup_kill(&container->rt->cgroups, container->id, &container->job_err) < 0;
}

static void bury_done(struct container *container)
{
	enum runtime_state before = container->state;

	if (container->job_failed)
		log_warn("container %.12s: its shim is gone: %s", container->id, container->job_err.text);
	container_set_end(container, CODE_UNKNOWN, false, "shim lost", 0, clock_wall_ns());
	announce_end(container, before);
}

void container_cut(struct container *container)
{
	enum runtime_state before = container->state;
	struct shim_wire end;

	watch_free(container->link_watch);
	container->link_watch = NULL;
	fd_closep(&container->link_fd);
	container->link_fd = -1;
	container_calls_end(container);
	if (!container_read_end(container->shim_dir, container->dir, &end)) {
		container_job(container, bury_run, bury_done);
		return;
	}
	container_set_end(container, end.code, end.is_oom, end.error, end.started_wall, end.finished_wall);
	announce_end(container, before);
}

/* --- messages ---------------------------------------------------------------------------------- */

static void on_shim_exit(void *arg, int exit_code UNUSED)
{
	struct container *container = arg;

	container->shim_watch = NULL;
	container->shim_pidfd = -1;
	if (container->is_removing)
		container_remove_step(container);
	else if (container->renews_later)
		container_renew(container);
}

void container_watch_shim(struct container *container, int shim_pidfd)
{
	check(!container->shim_watch);
	container->shim_pidfd = shim_pidfd;
	container->shim_watch = child_watch(container->rt->config.loop, shim_pidfd, on_shim_exit, container);
}

/* The first hello, with descriptors: the shim's pidfd (known already when we started it), the container's, its network namespace. */
static void take_hello(struct container *container, const struct shim_wire *hello, int fds[PACKET_FDS])
{
	if (hello->state == SHIM_WIRE_NONE) {
		container->failure_code = ERR_INVALID;   /* could not be made; the end follows, with the reason */
		return;
	}
	if (!container->shim_watch)
		container_watch_shim(container, fd_take(&fds[0]));
	container->pidfd = fd_take(&fds[1]);
	container->netns_fd = fd_take(&fds[2]);
	container->pid = hello->pid;
	container->shim_level = hello->level;
	container->started_wall = hello->started_wall;
	container->state = hello->state == SHIM_WIRE_RUNNING ? RUNTIME_RUNNING : RUNTIME_CREATED;
	bool was_awaited = container->is_awaited;

	container->is_awaited = container->is_renewal = false;
	if (container->is_removing)
		container_remove_step(container);
	if (was_awaited)
		runtime_recovered_one(container->rt);
	else if (!container->is_removing)
		waiter_answer(&container->create, NULL);
}

static void take_started(struct container *container, const struct shim_wire *reply)
{
	struct err err;

	if (reply->state != SHIM_WIRE_RUNNING && reply->code)
		return;          /* it could not be executed: the end follows, with code and reason in its file */
	if (reply->state != SHIM_WIRE_RUNNING) {
		err_set(&err, ERR_UNSUPPORTED, "%s", reply->error);      /* a shim of another version that does not know how */
		waiter_answer(&container->start, &err);
		return;
	}
	container->state = RUNTIME_RUNNING;
	container->started_wall = reply->started_wall;
	waiter_answer(&container->start, NULL);
}

/* False at the end of the connection. */
static bool receive(struct container *container)
{
	char text[SHIM_WIRE_MAX_BYTES];
	int fds[PACKET_FDS];
	struct shim_wire reply;
	struct err err;
	ssize_t length = packet_receive(container->link_fd, text, sizeof text, fds);

	if (length <= 0)
		return length < 0 && (errno == EAGAIN || errno == EINTR);
	if (shim_wire_parse(text, (size_t)length, &reply, &err) < 0)
		log_warn("container %.12s: its shim said something strange: %s", container->id, err.text);
	else if (container->state == RUNTIME_CREATING)
		take_hello(container, &reply, fds);
	else if (reply.seq)
		container_call_answered(container, &reply, &fds[0]);
	else if (container->state == RUNTIME_CREATED)
		take_started(container, &reply);
	for (size_t i = 0; i < PACKET_FDS; i++)
		fd_closep(&fds[i]);
	return true;
}

/* One message a call: what it sets off may free the container. The descriptor stays readable until all is read. */
static void on_link(void *arg, unsigned events UNUSED)
{
	struct container *container = arg;

	if (!receive(container))
		container_cut(container);
}

void container_link(struct container *container, int link_fd)
{
	container->link_fd = link_fd;
	container->link_watch = watch_new(container->rt->config.loop, link_fd, LOOP_READ, on_link, container);
}

int container_send(struct container *container, const struct shim_wire *request, struct err *err)
{
	if (packet_send_wire(container->link_fd, request, NULL, 0) < 0)
		return err_sys(err, "container %.12s: its shim does not listen", container->id);
	return 0;
}
