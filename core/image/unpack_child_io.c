#include "image/unpack_child_io.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/child.h"
#include "os/file.h"
#include "os/stream.h"

enum { KILLED_WITHIN_MS = 10000 };

struct unpack_child {
	struct loop *loop;
	struct unpack_child_events events;
	void *arg;
	struct stream *stream;                           /* our end of its socket; NULL when it is closed */
	int pidfd;                                       /* for killing; the watch has its own */
	struct child_watch *watch;
	struct buf line;
	size_t max_line_bytes;
	bool has_line, is_too_long, has_ended, has_exited;
	int exit_code;
	struct timer late;                               /* a kill after the exit: on_exit comes in the next round */
};

static void close_stream(struct unpack_child *child)
{
	stream_free(child->stream);
	child->stream = NULL;
}

static void free_child(struct unpack_child *child)
{
	close_stream(child);
	timer_cancel(&child->late);
	child_watch_free(child->watch);
	fd_closep(&child->pidfd);
	buf_fini(&child->line);
	free(child);
}

static void set_reason(const struct unpack_child *child, struct err *err)
{
	if (child->is_too_long)
		err_set(err, ERR_IO, "the unpacking process said more than it should");
	else if (child->exit_code > 128)
		err_set(err, ERR_IO, "the unpacking process was ended by signal %d", child->exit_code - 128);
	else
		err_set(err, ERR_IO, "the unpacking process ended with code %d and said nothing", child->exit_code);
}

/* Both its end of the socket and the process itself have come to an end. */
static void judge(void *arg_child)
{
	struct unpack_child *child = arg_child;
	struct unpack_child_events events = child->events;
	void *arg = child->arg;
	bool has_line = child->has_line;
	struct err err;

	if (!child->has_ended || !child->has_exited)
		return;
	if (!has_line)
		set_reason(child, &err);
	free_child(child);
	events.on_exit(arg, has_line ? NULL : &err);
}

static void take_line(struct unpack_child *child)
{
	if (child->has_line || child->is_too_long || child->line.len == 0)
		return;
	child->has_line = true;
	child->events.on_line(child->arg, child->line.data, child->line.len);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t count)
{
	struct unpack_child *child = arg;

	if (child->has_line || child->is_too_long)
		return count;
	if (child->line.len + count > child->max_line_bytes) {
		child->is_too_long = true;
		syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
		return count;
	}
	buf_add(&child->line, bytes, count);
	if (memchr(bytes, '\n', count))
		take_line(child);
	return count;
}

static void end(struct unpack_child *child)
{
	child->has_ended = true;
	if (child->stream)                           /* not killed meanwhile */
		take_line(child);
	judge(child);
}

static void on_end(void *arg)
{
	end(arg);
}

static void on_close(void *arg, const char *reason)
{
	(void)reason;
	end(arg);
}

static void on_writable(void *arg)
{
	struct unpack_child *child = arg;

	if (child->events.on_writable)
		child->events.on_writable(child->arg);
}

static void on_exit_code(void *arg, int exit_code)
{
	struct unpack_child *child = arg;

	child->watch = NULL;
	child->has_exited = true;
	child->exit_code = exit_code;
	judge(child);
}

static const struct stream_events stream_events = { on_data, on_end, on_writable, on_close };

static int run(struct unpack_child *child, const struct unpack_child_spec *spec, int child_end, struct err *err)
{
	char max_bytes[32];
	char *argv[] = { (char *)(uintptr_t)"swarmbox", (char *)(uintptr_t)"unpack", (char *)(uintptr_t)unpack_mode_word(spec->mode),
			 (char *)(uintptr_t)spec->dir, max_bytes, (char *)(uintptr_t)(spec->platform ? spec->platform : "-"), NULL };
	struct child_fd fds[] = { { spec->in_fd < 0 ? child_end : spec->in_fd, 0 }, { child_end, 1 }, { 2, 2 }, { spec->blob_fd, UNPACK_BLOB_FD } };
	struct child_spec start = { .path = spec->self, .argv = argv, .fds = fds, .fd_count = ARRAY_COUNT(fds) - (spec->blob_fd < 0),
				    .own_session = true, .parent_death_signal = SIGKILL };
	CLEANUP(fd_closep) int pidfd = -1;
	pid_t pid;

	snprintf(max_bytes, sizeof(max_bytes), "%lld", (long long)spec->max_bytes);
	if (child_start(&start, &pidfd, &pid, err) < 0)
		return -1;
	child->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
	if (child->pidfd < 0) {
		err_sys(err, "watch the unpacking process");
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		child_wait(fd_take(&pidfd), KILLED_WITHIN_MS, &child->exit_code);
		return -1;
	}
	child->watch = child_watch(child->loop, fd_take(&pidfd), on_exit_code, child);
	return 0;
}

int unpack_child_start(struct loop *loop, const struct unpack_child_spec *spec, const struct unpack_child_events *events, void *arg,
		       struct unpack_child **ret, struct err *err)
{
	CLEANUP(fd_closep) int child_end = -1;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "a socket for the unpacking process");
	child_end = ends[1];
	struct unpack_child *child = NEW(struct unpack_child);
	*child = (struct unpack_child){ .loop = loop, .events = *events, .arg = arg, .pidfd = -1, .max_line_bytes = spec->max_line_bytes };
	timer_init(&child->late, loop, judge, child);
	child->stream = stream_new(loop, ends[0], UNPACK_CHILD_QUEUE_BYTES, &stream_events, child);
	if (run(child, spec, child_end, err) < 0) {
		free_child(child);
		return -1;
	}
	*ret = child;
	return 0;
}

bool unpack_child_feed(struct unpack_child *child, const void *bytes, size_t count)
{
	return child->stream ? stream_write(child->stream, bytes, count) : true;
}

void unpack_child_finish(struct unpack_child *child)
{
	if (child->stream)
		stream_end(child->stream);
}

void unpack_child_kill(struct unpack_child *child)
{
	close_stream(child);
	child->has_ended = true;                     /* nothing comes from there any more */
	if (child->watch)
		syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
	else
		timer_set_in(&child->late, 0);
}

void unpack_child_close(struct unpack_child *child)
{
	int exit_code;

	if (!child)
		return;
	if (child->watch) {
		syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
		child_watch_free(child->watch);
		child->watch = NULL;
		if (child_wait(child->pidfd, KILLED_WITHIN_MS, &exit_code) == 0)
			child->pidfd = -1;           /* child_wait has closed it */
	}
	free_child(child);
}

/* ---- bytes that come before the child --------------------------------------------------------------------------------------- */

void unpack_feed_fini(struct unpack_feed *feed)
{
	buf_fini(&feed->early);
}

bool unpack_feed_bytes(struct unpack_feed *feed, const void *bytes, size_t count)
{
	if (feed->has_ended)
		return true;
	if (feed->child)
		return unpack_child_feed(feed->child, bytes, count);
	buf_add(&feed->early, bytes, count);
	return false;
}

void unpack_feed_finish(struct unpack_feed *feed)
{
	feed->is_finished = true;
	if (feed->child)
		unpack_child_finish(feed->child);
}

bool unpack_feed_attach(struct unpack_feed *feed, struct unpack_child *child)
{
	bool waits = feed->early.len > 0 && !feed->is_finished;
	bool has_room = feed->early.len == 0 || unpack_child_feed(child, feed->early.data, feed->early.len);

	feed->child = child;
	buf_fini(&feed->early);
	if (feed->is_finished)
		unpack_child_finish(child);
	return waits && has_room;
}

void unpack_feed_detach(struct unpack_feed *feed)
{
	feed->child = NULL;
	feed->has_ended = true;
	buf_fini(&feed->early);
}
