#include "image/line_child_io.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/file.h"
#include "os/stream.h"

enum { KILLED_WITHIN_MS = 10000 };

struct line_child {
	struct loop *loop;
	struct line_child_events events;
	void *arg;
	const char *what;
	struct stream *stream;                           /* our end of its socket; NULL when it is closed */
	int pidfd;                                       /* for killing; the watch has its own */
	struct child_watch *watch;
	struct buf line;
	size_t max_line_bytes;
	bool is_killed, is_too_long, has_ended, has_exited;
	int exit_code;
	struct timer late;                               /* a kill after the exit: on_exit comes in the next round */
};

static void close_stream(struct line_child *child)
{
	stream_free(child->stream);
	child->stream = NULL;
}

static void free_child(struct line_child *child)
{
	close_stream(child);
	timer_cancel(&child->late);
	child_watch_free(child->watch);
	fd_closep(&child->pidfd);
	buf_fini(&child->line);
	free(child);
}

static void send_kill(const struct line_child *child)
{
	syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
}

/* ---- its end ---------------------------------------------------------------------------------------------------------------- */

static bool has_failed(const struct line_child *child, struct err *err)
{
	if (child->is_too_long)
		err_set(err, ERR_IO, "the %s said more than it should", child->what);
	else if (child->exit_code > 128)
		err_set(err, ERR_IO, "the %s was ended by signal %d", child->what, child->exit_code - 128);
	else if (child->exit_code || child->is_killed)
		err_set(err, ERR_IO, "the %s ended with code %d", child->what, child->exit_code);
	else
		return false;
	return true;
}

/* Both its end of the socket and the process itself have come to an end. */
static void judge(void *arg_child)
{
	struct line_child *child = arg_child;
	struct line_child_events events = child->events;
	void *arg = child->arg;
	struct err err;

	if (!child->has_ended || !child->has_exited)
		return;
	bool failed = has_failed(child, &err);
	free_child(child);
	events.on_exit(arg, failed ? &err : NULL);
}

static void on_exit_code(void *arg, int exit_code)
{
	struct line_child *child = arg;

	child->watch = NULL;
	child->has_exited = true;
	child->exit_code = exit_code;
	judge(child);
}

/* ---- what it says ----------------------------------------------------------------------------------------------------------- */

static bool is_listening(const struct line_child *child)
{
	return !child->is_killed && !child->is_too_long;
}

static void take_line(struct line_child *child)
{
	if (!is_listening(child) || child->line.len == 0)
		return;
	child->events.on_line(child->arg, buf_text(&child->line), child->line.len);
	buf_clear(&child->line);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t count)
{
	struct line_child *child = arg;
	size_t at = 0;

	while (at < count && is_listening(child)) {
		const uint8_t *end = memchr(bytes + at, '\n', count - at);
		size_t length = end ? (size_t)(end - bytes) - at : count - at;

		if (child->line.len + length > child->max_line_bytes) {
			child->is_too_long = true;
			send_kill(child);
			break;
		}
		buf_add(&child->line, bytes + at, length);
		at += length + (end ? 1 : 0);
		if (end)
			take_line(child);
	}
	return count;
}

static void on_end(void *arg)
{
	struct line_child *child = arg;

	child->has_ended = true;
	take_line(child);
	judge(child);
}

static void on_close(void *arg, const char *reason)
{
	(void)reason;
	on_end(arg);
}

static void on_writable(void *arg)
{
	struct line_child *child = arg;

	if (child->events.on_writable)
		child->events.on_writable(child->arg);
}

static const struct stream_events stream_events = { on_data, on_end, on_writable, on_close, NULL };

/* ---- its begin -------------------------------------------------------------------------------------------------------------- */

static int run(struct line_child *child, const struct line_child_spec *spec, int child_end, struct err *err)
{
	struct child_fd fds[] = { { spec->in_fd < 0 ? child_end : spec->in_fd, 0 }, { child_end, 1 }, { 2, 2 }, spec->extra };
	struct child_spec start = { .path = spec->self, .argv = spec->argv, .fds = fds, .fd_count = ARRAY_COUNT(fds) - (spec->extra.from < 0),
				    .own_session = true, .parent_death_signal = SIGKILL };
	CLEANUP(fd_closep) int pidfd = -1;
	pid_t pid;

	if (child_start(&start, &pidfd, &pid, err) < 0)
		return -1;
	child->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
	if (child->pidfd < 0) {
		err_sys(err, "watch the %s", child->what);
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		child_wait(fd_take(&pidfd), KILLED_WITHIN_MS, &child->exit_code);
		return -1;
	}
	child->watch = child_watch(child->loop, fd_take(&pidfd), on_exit_code, child);
	return 0;
}

int line_child_start(struct loop *loop, const struct line_child_spec *spec, const struct line_child_events *events, void *arg,
		     struct line_child **ret, struct err *err)
{
	CLEANUP(fd_closep) int child_end = -1;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "a socket for the %s", spec->what);
	child_end = ends[1];
	struct line_child *child = NEW(struct line_child);
	*child = (struct line_child){ .loop = loop, .events = *events, .arg = arg, .what = spec->what, .pidfd = -1,
				      .max_line_bytes = spec->max_line_bytes };
	timer_init(&child->late, loop, judge, child);
	child->stream = stream_new(loop, ends[0], LINE_CHILD_QUEUE_BYTES, &stream_events, child);
	if (run(child, spec, child_end, err) < 0) {
		free_child(child);
		return -1;
	}
	*ret = child;
	return 0;
}

bool line_child_feed(struct line_child *child, const void *bytes, size_t count)
{
	return child->stream ? stream_write(child->stream, bytes, count) : true;
}

void line_child_finish(struct line_child *child)
{
	if (child->stream)
		stream_end(child->stream);
}

void line_child_kill(struct line_child *child)
{
	close_stream(child);
	child->is_killed = true;
	child->has_ended = true;                     /* nothing comes from there any more */
	if (child->watch)
		send_kill(child);
	else
		timer_set_in(&child->late, 0);
}

void line_child_close(struct line_child *child)
{
	int exit_code;

	if (!child)
		return;
	if (child->watch) {
		send_kill(child);
		child_watch_free(child->watch);
		child->watch = NULL;
		if (child_wait(child->pidfd, KILLED_WITHIN_MS, &exit_code) == 0)
			child->pidfd = -1;           /* child_wait has closed it */
	}
	free_child(child);
}
